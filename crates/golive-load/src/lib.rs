//! Open-loop load and the statistics of its answers.
