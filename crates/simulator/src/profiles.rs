//! The shapes of a day: who draws what at which hour.

use domain::Medium;

use crate::flow::{Flow, Moment};
use crate::noise::{per_mille, smooth};

/// Watts of an average flat by hour, without base load, refrigerator and kettle.
const FLAT: [i64; 24] = [
    60, 40, 30, 30, 30, 60, 220, 420, 330, 200, 180, 260, 420, 320, 200, 180, 220, 380, 620, 720,
    640, 480, 300, 140,
];
/// Watts of light and machines in common rooms by hour.
const ROOMS: [i64; 24] = [
    40, 30, 30, 30, 40, 80, 180, 220, 180, 160, 180, 160, 140, 160, 180, 180, 200, 280, 320, 300,
    260, 200, 120, 60,
];
/// Thousandths of a chance that cold water runs in a minute, by hour.
pub(crate) const COLD_WATER: [i64; 24] =
    [4, 2, 2, 2, 4, 20, 90, 120, 80, 40, 30, 50, 70, 40, 30, 30, 40, 60, 90, 90, 70, 50, 30, 10];
/// Thousandths of a chance that hot water runs in a minute, by hour.
pub(crate) const HOT_WATER: [i64; 24] =
    [1, 0, 0, 0, 2, 20, 110, 130, 60, 20, 15, 25, 40, 20, 15, 15, 20, 40, 80, 90, 60, 40, 20, 5];
const DAY: u64 = 10;
const QUARTER: u64 = 11;
const KETTLE: u64 = 12;
const TAP: u64 = 13;
const LITRES: u64 = 14;
const HEATING: u64 = 15;

/// Watts of the three phases of a flat.
pub(crate) fn household(salt: u64, moment: &Moment) -> [i64; 3] {
    let of_this_day = 700 + per_mille(moment.seed, salt ^ DAY, moment.day) * 600 / 1_000;
    let of_this_quarter = 600 + smooth(moment.seed, salt ^ QUARTER, moment.minute, 15) * 4 / 5;
    let shape = by_hour(&FLAT, moment) * of_this_day / 1_000 * of_this_quarter / 1_000;
    let base = 70 + if cycle(salt, moment, 60) < 20 { 95 } else { 0 };
    turned(salt, [base, shape, kettle(salt, moment)])
}

/// Watts of the three phases of common rooms.
pub(crate) fn common(salt: u64, moment: &Moment) -> [i64; 3] {
    let light = by_hour(&ROOMS, moment);
    let lift = if per_mille(moment.seed, salt ^ KETTLE, moment.minute) * 4 < light {
        3_000 / 3
    } else {
        0
    };
    turned(salt, [60 + light + lift, 45 + lift, 45 + lift])
}

/// Watts of the three phases of a heat pump: full power for a share of every 40 minutes.
pub(crate) fn heat_pump(salt: u64, moment: &Moment) -> [i64; 3] {
    let cold = ((17_000 - moment.temperature) / 25).clamp(0, 1_000);
    let hot_water = if matches!(moment.of_day / 60, 4 | 14) { 600 } else { 0 };
    let running = cycle(salt, moment, 40) * 1_000 < cold.max(hot_water) * 40;
    if running { [1_000; 3] } else { [25, 5, 5] }
}

/// Heating below 18 degrees outside, hot water in the morning and evening, cooling above 24.
pub(crate) fn heat(salt: u64, moment: &Moment) -> Flow {
    let lacking = (18_000 - moment.temperature).max(0);
    let night = if (22 * 60..24 * 60).contains(&moment.of_day) || moment.of_day < 5 * 60 {
        600
    } else {
        1_000
    };
    let sway = 900 + smooth(moment.seed, salt ^ HEATING, moment.minute, 30) / 5;
    let rooms = lacking * 350 / 1_000 * night / 1_000 * sway; // W/K x K = W, then mW
    let hot_water = if matches!(moment.of_day / 60, 6 | 7 | 19 | 20) { 2_500_000 } else { 0 };
    if rooms + hot_water == 0 {
        return cooling(moment, 24_000);
    }
    let flow_temp = (28_000 + lacking * 9 / 10).max(if hot_water > 0 { 52_000 } else { 0 });
    let difference = 7_000 + sway * 2;
    carried(rooms + hot_water, flow_temp, difference)
}

/// Cooling above 20 degrees outside.
pub(crate) fn cold(moment: &Moment) -> Flow {
    cooling(moment, 20_000)
}

/// Water drawn tap by tap: a minute is wet or dry.
pub(crate) fn water(salt: u64, moment: &Moment, chances: [i64; 24]) -> Flow {
    let chance = by_hour(&chances, moment);
    if per_mille(moment.seed, salt ^ TAP, moment.minute) >= chance {
        return Flow::default();
    }
    let litres_per_minute = 4 + per_mille(moment.seed, salt ^ LITRES, moment.minute) / 125;
    Flow { volume: litres_per_minute * 60_000, ..Flow::default() }
}

/// Always the same: 1 kW with 10 K, or 0.1 m³/h, times thousandths of the usual size.
pub(crate) fn constant(medium: Medium, scale: i64) -> Flow {
    let milliwatt = 1_000 * scale;
    match medium {
        Medium::Electricity => {
            let third = milliwatt / 3;
            Flow { phases: [milliwatt - 2 * third, third, third], ..Flow::default() }
        }
        Medium::Heat => carried(milliwatt, 50_000, 10_000),
        Medium::Cold => Flow { cold: milliwatt, heat: 0, ..carried(milliwatt, 14_000, -10_000) },
        Medium::Water | Medium::Gas => Flow { volume: 100 * scale, ..Flow::default() },
    }
}

fn cooling(moment: &Moment, from: i64) -> Flow {
    let power = (moment.temperature - from).max(0) * 400; // 400 W/K
    if power == 0 {
        return Flow { flow_temp: 21_000, return_temp: 21_000, ..Flow::default() };
    }
    Flow { cold: power, heat: 0, ..carried(power, 14_000, -5_000) }
}

/// The flow of water that carries a power with a difference of temperatures: 1.163 kWh for each
/// cubic metre and kelvin.
fn carried(milliwatt: i64, flow_temp: i64, difference: i64) -> Flow {
    Flow {
        heat: milliwatt,
        volume: milliwatt * 1_000_000 / (1_163 * difference.abs()),
        flow_temp,
        return_temp: flow_temp - difference,
        ..Flow::default()
    }
}

fn kettle(salt: u64, moment: &Moment) -> i64 {
    let (block, within) = (moment.of_day / 30, moment.of_day % 30);
    let chance = per_mille(moment.seed, salt ^ KETTLE, moment.day * 48 + block);
    let starts_at = chance % 25;
    let boiling =
        chance * 3 < by_hour(&FLAT, moment) && (starts_at..starts_at + 4).contains(&within);
    if boiling { 2_000 } else { 0 }
}

/// Where a load stands in its own cycle, in minutes.
fn cycle(salt: u64, moment: &Moment, length: i64) -> i64 {
    let offset = i64::try_from(salt % 1_000).unwrap_or_default();
    (moment.minute + offset).rem_euclid(length)
}

/// Which phase the cables were put on.
fn turned(salt: u64, mut watts: [i64; 3]) -> [i64; 3] {
    watts.rotate_right(usize::try_from(salt % 3).unwrap_or_default());
    watts
}

/// A table of hours, smooth between them.
fn by_hour(table: &[i64; 24], moment: &Moment) -> i64 {
    let at = |hour: i64| {
        usize::try_from(hour % 24)
            .ok()
            .and_then(|hour| table.get(hour))
            .copied()
            .unwrap_or_default()
    };
    let (hour, minute) = (moment.of_day / 60, moment.of_day % 60);
    at(hour) + (at(hour + 1) - at(hour)) * minute / 60
}
