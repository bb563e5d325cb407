//! S1: findings as SARIF 2.1.0, and what other scanners wrote in it, taken as evidence.
//!
//! Never: reads or writes a snippet or a message of another scanner: the secret may stand in it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::finding::{Finding, Origin, Strength, fingerprint};

/// The name under which a fingerprint stands, its version in it.
const FINGERPRINT: &str = "goliveSecret/v1";
/// Findings taken of one file; code scanning shows no more.
const MOST: usize = 25_000;

#[derive(Debug, Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Debug, Serialize)]
struct Run<'a> {
    tool: Tool<'a>,
    results: Vec<Outcome<'a>>,
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<RuleRow<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleRow<'a> {
    id: &'a str,
    short_description: Text,
    default_configuration: Level,
    properties: Properties,
}

#[derive(Debug, Serialize)]
struct Level {
    level: &'static str,
}

#[derive(Debug, Serialize)]
struct Properties {
    tags: [&'static str; 2],
    #[serde(rename = "security-severity")]
    severity: &'static str,
}

#[derive(Debug, Serialize)]
struct Text {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    kind: &'static str,
    message: Text,
    locations: [Location<'a>; 1],
    partial_fingerprints: std::collections::BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression<'a>>,
}

#[derive(Debug, Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: Physical<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical<'a> {
    artifact_location: Artifact<'a>,
    region: Region,
}

#[derive(Debug, Serialize)]
struct Artifact<'a> {
    uri: std::borrow::Cow<'a, str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u64,
    start_column: u64,
}

/// The findings as a SARIF log.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let mut rules: Vec<RuleRow<'_>> = Vec::new();
    let mut results = Vec::new();
    for finding in findings {
        let level = match finding.strength {
            Strength::Checked | Strength::Shaped => "error",
            Strength::Told => "warning",
        };
        let rule_index = rules
            .iter()
            .position(|row| row.id == finding.rule)
            .unwrap_or_else(|| {
                rules.push(RuleRow {
                    id: &finding.rule,
                    short_description: Text {
                        text: finding.name.clone(),
                    },
                    default_configuration: Level { level },
                    properties: Properties {
                        tags: ["security", "secret"],
                        severity: if level == "error" { "9.1" } else { "7.0" },
                    },
                });
                rules.len() - 1
            });
        let whence = finding
            .commit
            .as_ref()
            .map_or_else(String::new, |commit| format!(", in commit {commit}"));
        results.push(Outcome {
            rule_id: &finding.rule,
            rule_index,
            level,
            kind: "fail",
            message: Text {
                text: format!("{} {}{whence}", finding.name, finding.shown),
            },
            locations: [Location {
                physical_location: Physical {
                    artifact_location: Artifact {
                        uri: uri(&finding.path),
                    },
                    region: Region {
                        start_line: finding.line.max(1),
                        start_column: finding.column.max(1),
                    },
                },
            }],
            partial_fingerprints: [(FINGERPRINT, finding.fingerprint.as_str())].into(),
            suppressions: finding
                .allowed
                .iter()
                .map(|reason| Suppression {
                    kind: "external",
                    status: "accepted",
                    justification: reason,
                })
                .collect(),
        });
    }
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "golive",
                    version: env!("CARGO_PKG_VERSION"),
                    rules,
                },
            },
            results,
        }],
    };
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

/// A path as a relative reference of RFC 3986.
fn uri(path: &str) -> std::borrow::Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&b);
    if path.bytes().all(plain) {
        return path.into();
    }
    path.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect::<String>()
        .into()
}

/// Why a file of another scanner is not taken.
#[derive(Debug, Error)]
pub enum SarifError {
    /// It is no SARIF log.
    #[error("it is no SARIF 2.1.0 log: {0}")]
    Malformed(String),
    /// It says that the other scanner did not finish.
    #[error("it says that `{0}` did not finish, so it proves nothing")]
    Unfinished(String),
}

#[derive(Deserialize)]
struct InLog {
    version: String,
    runs: Vec<InRun>,
}

#[derive(Deserialize)]
struct InRun {
    tool: InTool,
    #[serde(default)]
    results: Vec<InResult>,
    #[serde(default)]
    invocations: Vec<InInvocation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InInvocation {
    execution_successful: Option<bool>,
}

#[derive(Deserialize)]
struct InTool {
    driver: InDriver,
}

#[derive(Deserialize)]
struct InDriver {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InResult {
    rule_id: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    locations: Vec<InLocation>,
    #[serde(default)]
    suppressions: Vec<serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct InLocation {
    physical_location: InPhysical,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct InPhysical {
    artifact_location: InArtifact,
    region: InRegion,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct InArtifact {
    uri: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct InRegion {
    start_line: u64,
    start_column: u64,
}

/// The findings of another scanner (gitleaks, trufflehog, kingfisher, …). Suppressed results are left out: their reasons
/// are not golive's, and an entry of the baseline can bear them.
///
/// # Errors
/// [`SarifError`] when the text is no SARIF log, or says of itself that it is not whole.
pub fn import(text: &str) -> Result<Vec<Finding>, SarifError> {
    let log: InLog = serde_json::from_str(text).map_err(|error| SarifError::Malformed(error.to_string()))?;
    if !log.version.starts_with("2.1") {
        return Err(SarifError::Malformed(format!("its version is {}", log.version)));
    }
    let mut findings = Vec::new();
    for run in log.runs {
        let tool: String = run
            .tool
            .driver
            .name
            .chars()
            .filter(|c| !c.is_control())
            .take(40)
            .collect();
        if run
            .invocations
            .iter()
            .any(|call| call.execution_successful == Some(false))
        {
            return Err(SarifError::Unfinished(tool));
        }
        for result in run.results {
            let harmless = result.kind.as_deref().is_some_and(|kind| kind != "fail");
            if harmless || !result.suppressions.is_empty() || findings.len() == MOST {
                continue;
            }
            let rule: String = result
                .rule_id
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control())
                .take(80)
                .collect();
            let place = result
                .locations
                .into_iter()
                .next()
                .unwrap_or_default()
                .physical_location;
            let path = place.artifact_location.uri;
            let line = place.region.start_line.max(1);
            let identity = format!("{line}:{}", place.region.start_column);
            findings.push(Finding {
                fingerprint: fingerprint(
                    &format!("{tool}:{rule}"),
                    &path,
                    identity.as_bytes(),
                    Strength::Shaped,
                ),
                name: format!("Found by {tool} as {rule}"),
                rule: format!("{}:{rule}", tool.to_ascii_lowercase()),
                strength: Strength::Shaped,
                origin: Origin::Imported,
                in_history: false,
                path,
                line,
                column: place.region.start_column.max(1),
                commit: None,
                layers: 0,
                shown: "…".to_owned(),
                allowed: None,
                note: None,
            });
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_scanners_log_is_evidence_without_its_snippets() {
        let log = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"gitleaks"}},"results":[
            {"ruleId":"aws","message":{"text":"hunter2hunter2"},"locations":[{"physicalLocation":{
                "artifactLocation":{"uri":"a.py"},"region":{"startLine":3,"startColumn":5,"snippet":{"text":"hunter2hunter2"}}}}]},
            {"ruleId":"ok","kind":"pass","message":{"text":"x"}}]}]}"#;
        let found = import(log).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].rule.as_str(), found[0].path.as_str(), found[0].line),
            ("gitleaks:aws", "a.py", 3)
        );
        assert!(!serde_json::to_string(&found).unwrap().contains("hunter2"));
        assert!(!render(&found).contains("hunter2"));
    }

    #[test]
    fn a_log_that_is_none_or_not_whole_is_refused() {
        assert!(matches!(import("[]"), Err(SarifError::Malformed(_))));
        assert!(matches!(
            import(r#"{"version":"3.0.0","runs":[]}"#),
            Err(SarifError::Malformed(_))
        ));
        let cut = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"invocations":[{"executionSuccessful":false}]}]}"#;
        assert!(matches!(import(cut), Err(SarifError::Unfinished(_))));
    }
}
