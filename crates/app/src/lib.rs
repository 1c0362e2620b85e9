//! Opens the door: the command line, the configuration of the box, the system clock, and the house
//! that starts every room and waits for all of them.

pub mod adhoc;
pub mod answer;
pub mod board;
pub mod bus_report;
pub mod bus_sheet;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod exit;
pub mod house;
pub mod load_sheet;
pub mod obis;
pub mod output;
pub mod plan_document;
pub mod screen;
pub mod service;
pub mod sheet;
pub mod signal;
pub mod summary;
pub mod table;
pub mod when;
