//! The checklist from outside: its table of items, judging, the gate, the thresholds and the report.

mod gate;
mod items;
mod judge;
mod make;
mod report;
mod threshold;
