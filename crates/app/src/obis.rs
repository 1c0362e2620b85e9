//! OBIS codes of quantities (IEC 62056-6-1 for electricity, EN 13757-1 for the other media).

use domain::{Medium, Quantity};

/// The code of a quantity, or `None` where it has none. Thermal and water meters share quantities;
/// their medium decides.
#[must_use]
pub fn code(quantity: Quantity, medium: Option<Medium>) -> Option<&'static str> {
    Some(match (quantity.name(), medium) {
        ("en_im", _) => "1-0:1.8.0",
        ("en_im_t1", _) => "1-0:1.8.1",
        ("en_im_t2", _) => "1-0:1.8.2",
        ("en_ex", _) => "1-0:2.8.0",
        ("en_ex_t1", _) => "1-0:2.8.1",
        ("en_ex_t2", _) => "1-0:2.8.2",
        ("rea_im", _) => "1-0:3.8.0",
        ("rea_ex", _) => "1-0:4.8.0",
        ("total_w", _) => "1-0:16.7.0",
        ("L1_w", _) => "1-0:21.7.0",
        ("L2_w", _) => "1-0:41.7.0",
        ("L3_w", _) => "1-0:61.7.0",
        ("L1_a", _) => "1-0:31.7.0",
        ("L2_a", _) => "1-0:51.7.0",
        ("L3_a", _) => "1-0:71.7.0",
        ("L1_v", _) => "1-0:32.7.0",
        ("L2_v", _) => "1-0:52.7.0",
        ("L3_v", _) => "1-0:72.7.0",
        ("total_pf", _) => "1-0:13.7.0",
        ("freq_hz", _) => "1-0:14.7.0",
        ("heat_energy_kwh", _) => "6-0:1.0.0",
        ("cold_energy_kwh", _) => "5-0:1.0.0",
        ("vol_m3", Some(Medium::Heat)) => "6-0:2.0.0",
        ("vol_m3", Some(Medium::Water)) => "8-0:1.0.0",
        ("power_kw", Some(Medium::Heat)) => "6-0:8.0.0",
        ("vol_flow_m3_h", Some(Medium::Heat)) => "6-0:9.0.0",
        ("flow_temp", Some(Medium::Heat)) => "6-0:10.0.0",
        ("return_temp", Some(Medium::Heat)) => "6-0:11.0.0",
        ("diff_temp", Some(Medium::Heat)) => "6-0:12.0.0",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_belongs_to_a_quantity_that_exists() {
        let coded =
            Quantity::all().filter(|quantity| code(*quantity, Some(Medium::Heat)).is_some());
        assert_eq!(coded.count(), 28);
    }
}
