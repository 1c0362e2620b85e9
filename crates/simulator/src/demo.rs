//! The house of `submeter demo`.

use std::path::Path;

/// The house file of a building with four flats, a roof, a heat pump, heat, cold and water.
pub(crate) fn text(seed: u64, folder: &Path) -> String {
    let line =
        |name: &str| toml::Value::String(folder.join(name).display().to_string()).to_string();
    DEMO.replace("@seed", &seed.to_string())
        .replace("@line-a", &line("line-a"))
        .replace("@line-b", &line("line-b"))
}

const DEMO: &str = r#"# A building that does not exist. Its meters answer on real ports.

[simulation]
seed = @seed

[site]
key = "demo-house"
time_zone = "Europe/Zurich"
simulated = true

# Electricity in the main cabinet. Two of its meters left the factory with even parity.
[[bus]]
key = "cabinet"
interval = "5s"
port = @line-a

# Electricity under the roof.
[[bus]]
key = "roof"
interval = "5s"
port = @line-b

# Heat and cold, behind a converter that speaks Modbus TCP.
[[bus]]
key = "heating"
interval = "10s"
port = "tcp://127.0.0.1:0"

# Water, behind a converter that passes RTU frames.
[[bus]]
key = "water"
interval = "10s"
port = "rtu+tcp://127.0.0.1:0"

[[meter]]
key = "grid"
name = "Grid connection"
bus = "cabinet"
address = 10
model = "eastron/sdm630"
[meter.simulation]
load = "grid"
index = 184220.4

[[meter]]
key = "apt-1"
name = "Ground floor"
space = "apt-1"
bus = "cabinet"
address = 11
model = "eastron/sdm630"
[meter.simulation]
index = 4120.77

[[meter]]
key = "apt-2"
name = "First floor"
space = "apt-2"
bus = "cabinet"
address = 12
model = "inepro/pro380"
parity = "E"
[meter.simulation]
index = 11902.23
scale = 1.4

[[meter]]
key = "apt-3"
name = "Second floor"
space = "apt-3"
bus = "cabinet"
address = 13
model = "generic_modbus"
type = "electricity"
parity = "E"
reg = 72
unit = "en_im"
size = 2
data_type = "float"
function_code = 4
round = 3
[meter.simulation]
index = 2734.5
scale = 0.8

[[meter]]
key = "apt-4"
name = "Attic"
space = "apt-4"
bus = "roof"
address = 14
model = "eastron/sdm630"
[meter.simulation]
index = 7310.02
scale = 1.1

[[meter]]
key = "heat-pump"
name = "Heat pump"
bus = "roof"
address = 15
model = "eastron/sdm630"
[meter.simulation]
load = "heat_pump"
index = 30480.9

[[meter]]
key = "solar"
name = "Solar roof"
bus = "roof"
address = 101
model = "eastron/sdm630"
[meter.simulation]
load = "solar"
scale = 18.5
index = 61377.25

[[meter]]
key = "heat-east"
name = "Heat and cold, east"
bus = "heating"
address = 1
model = "generic_modbus"
type = "heating"
registers = [
  { reg = 0, unit = "heat_energy_kwh", size = 2, data_type = "uint", round = 3 },
  { reg = 2, unit = "cold_energy_kwh", size = 2, data_type = "uint", round = 3 },
]
[meter.simulation]
index = 48211

[[meter]]
key = "heat-west"
name = "Heat, west"
bus = "heating"
address = 2
model = "kamstrup/multical-403"
[meter.simulation]
index = 39115.4
scale = 0.7

[[meter]]
key = "cooling"
name = "Cooling of the shop"
bus = "heating"
address = 3
model = "generic_modbus"
type = "cooling"
registers = [
  { reg = 0, unit = "cold_energy_kwh", size = 4, data_type = "uint", factor = 0.001, round = 3 },
  { reg = 4, unit = "power_kw", size = 2, data_type = "float", round = 3 },
  { reg = 6, unit = "flow_temp", factor = 0.01, data_type = "int", round = 2 },
  { reg = 7, unit = "return_temp", factor = 0.01, data_type = "int", round = 2 },
]
[meter.simulation]
load = "cold"
index = 5230.125

[[meter]]
key = "water-cold"
name = "Cold water"
bus = "water"
address = 1
model = "generic_modbus"
type = "cold_water"
registers = [
  { reg = 0, unit = "vol_m3", size = 2, data_type = "uint", factor = 0.001, round = 3 },
  { reg = 2, unit = "vol_flow_m3_h", size = 2, data_type = "float", round = 3 },
]
[meter.simulation]
index = 1834.207
scale = 3

[[meter]]
key = "water-hot"
name = "Hot water"
bus = "water"
address = 2
model = "generic_modbus"
type = "hot_water"
registers = [
  { reg = 0, unit = "vol_m3", size = 2, data_type = "bcd", factor = 0.001, round = 3 },
]
[meter.simulation]
load = "hot_water"
index = 912.66
scale = 1.5
"#;
