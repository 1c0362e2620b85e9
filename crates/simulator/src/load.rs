//! What flows through a meter, minute by minute: a pure function of seed and instant.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::flow::{Flow, Moment};
use crate::noise::{per_mille, sine, smooth};
use crate::profiles;
use crate::wiring::Crossed;

/// What a meter measures in a simulated house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// A flat: base load, refrigerator, morning and evening, a kettle now and then.
    Household,
    /// Stairs, pumps, washing room.
    Common,
    /// A heat pump that runs in cycles, the longer the colder it is.
    HeatPump,
    /// A roof that produces by sun and clouds: power is negative.
    Solar,
    /// The connection of the house: all other electricity meters together.
    Grid,
    /// Heating by the temperature outside, hot water twice a day, cooling on hot days.
    Heat,
    /// Cooling on warm days.
    Cold,
    /// Cold water drawn tap by tap.
    ColdWater,
    /// Hot water drawn tap by tap.
    HotWater,
    /// Always the same: 1 kW, or 0.1 m³/h.
    Constant,
}

/// One load as it stands in a house.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    pub load: Load,
    /// Thousandths of the usual size.
    pub scale: i64,
    /// Makes two households differ.
    pub salt: u64,
    /// What flows, which a constant load does not say.
    pub medium: domain::Medium,
    /// Whether its meter sees the phases exchanged.
    pub crossed: Option<Crossed>,
}

impl Load {
    /// Reactive over active power in thousandths, and its angle in hundredths of a degree.
    pub(crate) fn angle(self) -> (i64, i128) {
        match self {
            Self::Household => (250, 1_404),
            Self::Common => (300, 1_670),
            Self::HeatPump => (450, 2_423),
            Self::Solar => (50, 286),
            Self::Grid => (230, 1_295),
            _ => (0, 0),
        }
    }
}

/// Where the house stands: its time zone and its weather.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub seed: u64,
    pub zone: TimeZone,
}

const WEATHER: u64 = 1;
const CLEARNESS: u64 = 2;
const CLOUDS: u64 = 3;
/// Minutes by which the sun is earlier than UTC at the simulated place: 8.5 degrees east.
const SUN_AHEAD: i64 = 34;

impl World {
    /// What a minute, counted from 1970 in UTC, is like.
    pub(crate) fn moment(&self, minute: i64) -> Moment {
        let at = Timestamp::from_second(minute.saturating_mul(60)).unwrap_or(Timestamp::UNIX_EPOCH);
        let civil = minute + i64::from(self.zone.to_offset(at).seconds()) / 60;
        let (day, of_day) = (civil.div_euclid(1_440), civil.rem_euclid(1_440));
        let season = season(minute.div_euclid(1_440));
        Moment {
            seed: self.seed,
            minute,
            day,
            of_day,
            temperature: self.temperature(civil, season),
            sun: self.sun(minute + SUN_AHEAD, season),
        }
    }

    fn temperature(&self, civil: i64, season: i64) -> i64 {
        let of_day = civil.rem_euclid(1_440);
        let warmest_at_three = sine((of_day - 9 * 60) * 25) * 4 / 1_000;
        let weather = (smooth(self.seed, WEATHER, civil, 1_440) - 500) * 8;
        10_000 + season * 10 + warmest_at_three + weather
    }

    fn sun(&self, solar: i64, season: i64) -> i64 {
        let (day, of_day) = (solar.div_euclid(1_440), solar.rem_euclid(1_440));
        let half_day = 360 + season * 120 / 1_000;
        let from_noon = (of_day - 720).abs();
        if from_noon >= half_day {
            return 0;
        }
        let height = sine(9_000 - from_noon * 9_000 / half_day) / 1_000;
        let noon = 480 + season * 270 / 1_000;
        let clearness = 250 + per_mille(self.seed, CLEARNESS, day) * 3 / 4;
        let clouds = smooth(self.seed, CLOUDS, solar, 10) * (1_000 - clearness) / 1_000;
        height * noon / 1_000 * (1_000 - clouds) / 1_000
    }
}

impl Consumer {
    /// What flows through its meter in a minute. A grid connection is the sum of others and has no
    /// flow of its own.
    pub(crate) fn flow(&self, moment: &Moment) -> Flow {
        let flow = match self.load {
            Load::Household => electric(profiles::household(self.salt, moment), self),
            Load::Common => electric(profiles::common(self.salt, moment), self),
            Load::HeatPump => electric(profiles::heat_pump(self.salt, moment), self),
            Load::Solar => electric([-moment.sun / 3; 3], self),
            Load::Grid => Flow::default(),
            Load::Heat => profiles::heat(self.salt, moment),
            Load::Cold => profiles::cold(moment),
            Load::ColdWater => profiles::water(self.salt, moment, profiles::COLD_WATER),
            Load::HotWater => profiles::water(self.salt, moment, profiles::HOT_WATER),
            Load::Constant => return profiles::constant(self.medium, self.scale),
        };
        let scaled = |amount: i64| amount * self.scale / 1_000;
        Flow {
            heat: scaled(flow.heat),
            cold: scaled(flow.cold),
            volume: scaled(flow.volume),
            ..flow
        }
    }
}

/// Watts of each phase, times thousandths of the usual size: milliwatts.
fn electric(watts: [i64; 3], consumer: &Consumer) -> Flow {
    Flow { phases: watts.map(|watt| watt * consumer.scale), ..Flow::default() }
}

/// -1000 at midwinter, 1000 at midsummer.
fn season(day: i64) -> i64 {
    // Day 355 of a year is its shortest; a year of 365.25 days in hundredths of a degree.
    -sine(9_000 + (day - 354) * 3_600_000 / 36_525) / 1_000
}

#[cfg(test)]
mod tests {
    use domain::Medium;

    use super::*;

    fn minute(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second() / 60
    }

    fn world() -> World {
        World { seed: 7, zone: TimeZone::get("Europe/Zurich").unwrap() }
    }

    fn consumer(load: Load) -> Consumer {
        Consumer { load, scale: 1_000, salt: 3, medium: Medium::Electricity, crossed: None }
    }

    fn energy(load: Load, day: &str) -> i64 {
        let (world, from) = (world(), minute(day));
        let flow = |n| consumer(load).flow(&world.moment(from + n));
        (0..1_440).map(|n| flow(n).power() + flow(n).heat + flow(n).cold).sum::<i64>() / 60_000
    }

    #[test]
    fn midsummer_is_warm_and_midwinter_is_cold() {
        let (june, december) = ("2026-06-21T00:00:00Z", "2026-12-21T00:00:00Z");
        assert_eq!(season(minute(june) / 1_440).max(990), season(minute(june) / 1_440));
        assert_eq!(season(minute(december) / 1_440).min(-990), season(minute(december) / 1_440));
        let warm = world().moment(minute("2026-06-21T13:00:00Z")).temperature;
        let cold = world().moment(minute("2026-12-21T13:00:00Z")).temperature;
        assert!((15_000..32_000).contains(&warm), "{warm}");
        assert!((-10_000..10_000).contains(&cold), "{cold}");
    }

    #[test]
    fn a_day_has_a_solar_noon_and_a_dark_night() {
        let from = minute("2026-06-14T00:00:00Z");
        let clear = |n: i64| world().sun(from + n + SUN_AHEAD, 990);
        let by_hour: Vec<i64> = (0..24).map(|h| (0..60).map(|m| clear(h * 60 + m)).sum()).collect();
        let brightest = (0..24).max_by_key(|&hour| by_hour[hour]).unwrap();
        assert!((9..=13).contains(&brightest), "{by_hour:?}");
        assert_eq!((by_hour[0], by_hour[22]), (0, 0), "night");
        assert!(energy(Load::Solar, "2026-06-14T00:00:00Z") < -1_500, "Wh of 1 kW");
        assert!(energy(Load::Solar, "2026-12-14T00:00:00Z") > -3_000);
    }

    #[test]
    fn a_day_of_each_load_is_of_a_plausible_size() {
        for (load, day, watt_hours) in [
            (Load::Household, "2026-03-04T00:00:00Z", 5_000..20_000),
            (Load::Common, "2026-03-04T00:00:00Z", 3_000..15_000),
            (Load::HeatPump, "2026-01-14T00:00:00Z", 15_000..60_000),
            (Load::HeatPump, "2026-07-20T00:00:00Z", 500..10_000),
            (Load::Heat, "2026-01-14T00:00:00Z", 50_000..250_000),
            (Load::Cold, "2026-01-14T00:00:00Z", 0..1),
        ] {
            let found = energy(load, day);
            assert!(watt_hours.contains(&found), "{load:?} {day}: {found}");
        }
    }

    #[test]
    fn evenings_draw_more_than_nights() {
        let from = minute("2026-03-04T00:00:00Z");
        let drawn = |from: i64| -> i64 {
            let flow = |n| consumer(Load::Household).flow(&world().moment(from + n)).power();
            (0..120).map(flow).sum()
        };
        assert!(drawn(from + 17 * 60 + 30) > 2 * drawn(from + 60));
    }
}
