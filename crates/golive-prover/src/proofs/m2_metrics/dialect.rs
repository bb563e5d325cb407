//! M2: what gateways call their metrics, as a table, and the sums read by it. Adding a gateway is one row.

use super::exposition::{Exposition, Sample};

/// What one gateway calls its metrics.
pub(super) struct Dialect {
    /// Whose.
    pub(super) name: &'static str,
    requests: Count,
    failed: Option<Count>,
    /// Histogram names with the length of their unit in seconds.
    duration: &'static [(&'static str, f64)],
    tokens_in: Count,
    tokens_out: Count,
}

/// A sum over samples: the first of the names that is there, and of its samples those that fit.
struct Count {
    names: &'static [&'static str],
    fits: Option<(&'static str, Fits)>,
}

enum Fits {
    /// The label has this value.
    Is(&'static str),
    /// The label has any value.
    Some,
}

/// Sources: golive's own `/metrics`; docs.litellm.ai/docs/proxy/prometheus; OpenTelemetry semantic conventions for
/// generative AI as the Prometheus exporter writes them; docs.vllm.ai (metrics). The first whose metric is there is
/// used, for each figure by itself.
pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        name: "golive",
        requests: Count {
            names: &["golive_requests"],
            fits: None,
        },
        failed: Some(Count {
            names: &["golive_requests"],
            fits: Some(("outcome", Fits::Is("error"))),
        }),
        duration: &[("golive_request_duration_seconds", 1.0)],
        tokens_in: Count {
            names: &["golive_tokens"],
            fits: Some(("direction", Fits::Is("input"))),
        },
        tokens_out: Count {
            names: &["golive_tokens"],
            fits: Some(("direction", Fits::Is("output"))),
        },
    },
    Dialect {
        name: "LiteLLM",
        requests: Count {
            names: &["litellm_proxy_total_requests_metric"],
            fits: None,
        },
        failed: Some(Count {
            names: &["litellm_proxy_failed_requests_metric"],
            fits: None,
        }),
        duration: &[("litellm_request_total_latency_metric", 1.0)],
        tokens_in: Count {
            names: &["litellm_input_tokens_metric", "litellm_input_tokens"],
            fits: None,
        },
        tokens_out: Count {
            names: &["litellm_output_tokens_metric", "litellm_output_tokens"],
            fits: None,
        },
    },
    Dialect {
        name: "OpenTelemetry GenAI",
        requests: Count {
            names: OTEL_COUNTS,
            fits: None,
        },
        failed: Some(Count {
            names: OTEL_COUNTS,
            fits: Some(("error_type", Fits::Some)),
        }),
        duration: &[
            ("gen_ai_client_operation_duration_seconds", 1.0),
            ("gen_ai_server_request_duration_seconds", 1.0),
            ("gen_ai_client_operation_duration", 1.0),
        ],
        tokens_in: Count {
            names: OTEL_TOKENS,
            fits: Some(("gen_ai_token_type", Fits::Is("input"))),
        },
        tokens_out: Count {
            names: OTEL_TOKENS,
            fits: Some(("gen_ai_token_type", Fits::Is("output"))),
        },
    },
    Dialect {
        name: "vLLM",
        requests: Count {
            names: &["vllm:request_success"],
            fits: None,
        },
        failed: None,
        duration: &[("vllm:e2e_request_latency_seconds", 1.0)],
        tokens_in: Count {
            names: &["vllm:prompt_tokens"],
            fits: None,
        },
        tokens_out: Count {
            names: &["vllm:generation_tokens"],
            fits: None,
        },
    },
];

const OTEL_COUNTS: &[&str] = &[
    "gen_ai_client_operation_duration_seconds_count",
    "gen_ai_server_request_duration_seconds_count",
    "gen_ai_client_operation_duration_count",
];

/// The sum of the histogram of tokens; exporters differ about the unit `{token}` in its name.
const OTEL_TOKENS: &[&str] = &[
    "gen_ai_client_token_usage_sum",
    "gen_ai_client_token_usage_tokens_sum",
    "gen_ai_client_token_usage_token_sum",
];

/// One figure of a page, and by which name it was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found<T> {
    pub(super) name: &'static str,
    pub(super) value: T,
}

/// A histogram summed over its label sets. In seconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Histogram {
    pub(super) count: f64,
    pub(super) sum: f64,
    /// Upper ends with their cumulative counts, ascending.
    pub(super) buckets: Vec<(f64, f64)>,
}

/// The figures of one page.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) requests: Option<Found<f64>>,
    /// None: no name for it is known. A failure that never happened has no sample yet and counts as 0.
    pub(super) failed: Option<Found<f64>>,
    pub(super) duration: Option<Found<Histogram>>,
    pub(super) tokens_in: Option<Found<f64>>,
    pub(super) tokens_out: Option<Found<f64>>,
}

impl Figures {
    /// Reads all that is known of a page.
    pub(super) fn of(page: &Exposition) -> Figures {
        let first = |count: fn(&Dialect) -> Option<&Count>| {
            DIALECTS.iter().filter_map(count).find_map(|count| count.of(page))
        };
        Figures {
            requests: first(|dialect| Some(&dialect.requests)),
            failed: first(|dialect| dialect.failed.as_ref()),
            duration: DIALECTS
                .iter()
                .flat_map(|dialect| dialect.duration)
                .find_map(|(name, unit)| histogram(page, name, *unit).map(|value| Found { name, value })),
            tokens_in: first(|dialect| Some(&dialect.tokens_in)),
            tokens_out: first(|dialect| Some(&dialect.tokens_out)),
        }
    }
}

/// What was looked for, for the report that found none.
pub(super) fn looked_for(part: &str) -> String {
    let all = DIALECTS.iter().map(|dialect| {
        let mut names: Vec<&str> = match part {
            "M2.requests" => dialect.requests.names.to_vec(),
            "M2.latency" => dialect.duration.iter().map(|(name, _)| *name).collect(),
            _ => dialect
                .tokens_in
                .names
                .iter()
                .chain(dialect.tokens_out.names)
                .copied()
                .collect(),
        };
        names.dedup();
        format!("{} ({})", names.join(", "), dialect.name)
    });
    let names: Vec<String> = all.collect();
    names.join(", ")
}

impl Count {
    fn of(&self, page: &Exposition) -> Option<Found<f64>> {
        let name = self
            .names
            .iter()
            .copied()
            .find(|name| page.named(name).next().is_some())?;
        let fits = |sample: &&Sample| match &self.fits {
            None => true,
            Some((label, Fits::Is(value))) => sample.label(label) == *value,
            Some((label, Fits::Some)) => !sample.label(label).is_empty(),
        };
        let value = page.named(name).filter(fits).map(|sample| sample.value).sum();
        Some(Found { name, value })
    }
}

fn histogram(page: &Exposition, name: &str, unit: f64) -> Option<Histogram> {
    let sum_of = |suffix: &str| {
        let name = format!("{name}{suffix}");
        let mut samples = page.named(&name).peekable();
        samples.peek()?;
        Some(samples.map(|sample| sample.value).sum::<f64>())
    };
    let count = sum_of("_count")?;
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    let bucket = format!("{name}_bucket");
    for sample in page.named(&bucket) {
        let end = match sample.label("le") {
            "+Inf" => f64::INFINITY,
            end => end.parse::<f64>().ok()? * unit,
        };
        match buckets.iter_mut().find(|(have, _)| *have == end) {
            Some((_, total)) => *total += sample.value,
            None => buckets.push((end, sample.value)),
        }
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(Histogram {
        count,
        sum: sum_of("_sum").unwrap_or(f64::NAN) * unit,
        buckets,
    })
}

impl Histogram {
    /// What was added since `before`.
    pub(super) fn since(&self, before: &Histogram) -> Histogram {
        let had = |end: f64| {
            before
                .buckets
                .iter()
                .find(|(have, _)| *have == end)
                .map_or(0.0, |(_, count)| *count)
        };
        Histogram {
            count: self.count - before.count,
            sum: self.sum - before.sum,
            buckets: self
                .buckets
                .iter()
                .map(|(end, count)| (*end, count - had(*end)))
                .collect(),
        }
    }

    /// The bucket (above, up to) in which the 95th percentile lies.
    pub(super) fn p95_bucket(&self) -> Option<(f64, f64)> {
        let rank = (0.95 * self.count).ceil();
        let at = self
            .buckets
            .iter()
            .position(|(_, count)| *count >= rank && rank > 0.0)?;
        let below = at.checked_sub(1).map_or(0.0, |below| self.buckets[below].0);
        Some((below, self.buckets[at].0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(text: &str) -> Figures {
        Figures::of(&Exposition::parse(text).unwrap())
    }

    #[test]
    fn golive_s_own_names_are_summed_over_callees() {
        let page = "golive_requests_total{callee=\"a\",outcome=\"ok\"} 3\n\
                    golive_requests_total{callee=\"b\",outcome=\"error\"} 2\n\
                    golive_tokens_total{callee=\"a\",direction=\"input\",basis=\"reported\"} 30\n\
                    golive_request_duration_seconds_bucket{le=\"0.1\",callee=\"a\"} 1\n\
                    golive_request_duration_seconds_bucket{le=\"+Inf\",callee=\"a\"} 3\n\
                    golive_request_duration_seconds_sum{callee=\"a\"} 1.5\n\
                    golive_request_duration_seconds_count{callee=\"a\"} 3\n";
        let figures = figures(page);
        assert_eq!(figures.requests.unwrap().value, 5.0);
        assert_eq!(figures.failed.unwrap().value, 2.0);
        assert_eq!(figures.tokens_in.unwrap().value, 30.0);
        let duration = figures.duration.unwrap().value;
        assert_eq!((duration.count, duration.sum), (3.0, 1.5));
        assert_eq!(duration.p95_bucket(), Some((0.1, f64::INFINITY)));
    }

    #[test]
    fn litellm_and_opentelemetry_are_known() {
        let lite = figures(
            "litellm_proxy_total_requests_metric_total{route=\"/x\"} 7\nlitellm_input_tokens_metric_total 9\n",
        );
        assert_eq!(
            (lite.requests.unwrap().value, lite.tokens_in.unwrap().value),
            (7.0, 9.0)
        );
        let otel = figures(
            "gen_ai_client_operation_duration_seconds_count{error_type=\"500\"} 2\n\
             gen_ai_client_operation_duration_seconds_count 5\n\
             gen_ai_client_token_usage_sum{gen_ai_token_type=\"output\"} 11\n",
        );
        assert_eq!(
            (otel.requests.unwrap().value, otel.failed.unwrap().value),
            (7.0, 2.0)
        );
        assert_eq!(otel.tokens_out.unwrap().value, 11.0);
        assert_eq!(figures("other 1\n"), Figures::default());
    }
}
