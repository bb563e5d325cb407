//! The checklist: items, parts, units, verdicts, evidence, the gate and the watch.
