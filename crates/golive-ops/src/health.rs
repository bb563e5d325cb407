//! M1: `/health`: 200 when every dependency is up, 503 as soon as one is not, and that one named.
//!
//! The body is `application/health+json` (draft-inadarei-api-health-check-06). Every figure was known before the
//! question came: nothing is asked of a dependency, no model is called, and a dependency that hangs delays nobody.
//! Liveness and readiness are other doors (`/livez`, `/readyz`): a lost provider must not restart a gateway.
//!
//! Never: names a host, an address, a key or a person.

use golive_gateway::snapshot::Snapshot;
use golive_gateway::tls::Shown;
use golive_store::DatabaseHealth;
use serde_json::{Map, Value, json};

use crate::certificate::{Lasting, lasting};

/// Free space on the store's file system below which health fails.
const DISK_FAIL_BYTES: u64 = 64 * 1024 * 1024;
/// Free space below which it warns.
const DISK_WARN_BYTES: u64 = 512 * 1024 * 1024;

/// Whether all is well, and the body that says so.
#[derive(Clone, Debug)]
pub struct Health {
    /// `true`: 200. `false`: 503.
    pub well: bool,
    /// The JSON body.
    pub body: Value,
}

/// Judges a snapshot.
#[must_use]
pub fn judge(snapshot: &Snapshot, certificate: Option<&Shown>) -> Health {
    let time = jiff::Timestamp::from_microsecond(i64::try_from(snapshot.now.0).unwrap_or(i64::MAX))
        .map(|t| t.to_string())
        .unwrap_or_default();
    let mut checks = Checks {
        time,
        all: Map::new(),
        well: true,
    };

    let store = &snapshot.store;
    match &store.database {
        DatabaseHealth::Up => checks.add("store:writes", "datastore", "pass", None, None),
        DatabaseHealth::Down { .. } => {
            checks.add(
                "store:writes",
                "datastore",
                "fail",
                None,
                Some("the database takes no rows; they go to the spill file".to_owned()),
            );
        }
    }
    let spilled = store.spill_used * 100 / store.spill_size.max(1);
    let spill = if store.full {
        "fail"
    } else if spilled > 50 {
        "warn"
    } else {
        "pass"
    };
    checks.add(
        "spill:utilization",
        "datastore",
        spill,
        Some((json!(spilled), "percent")),
        None,
    );
    if let Some(free) = store.disk_free {
        let disk = if free < DISK_FAIL_BYTES {
            "fail"
        } else if free < DISK_WARN_BYTES {
            "warn"
        } else {
            "pass"
        };
        checks.add("disk:free", "system", disk, Some((json!(free), "bytes")), None);
    }
    checks.add(
        "limiter:windows",
        "component",
        "pass",
        Some((json!(snapshot.windows), "windows")),
        None,
    );
    let nobody = snapshot.keys == 0 && snapshot.issuers.is_empty() && snapshot.certificates == 0;
    let keys = if nobody { "warn" } else { "pass" };
    let no_key =
        nobody.then(|| "no key is valid: nobody can call; `golive keys create` makes one".to_owned());
    checks.add(
        "keys:valid",
        "component",
        keys,
        Some((json!(snapshot.keys), "keys")),
        no_key,
    );
    for issuer in &snapshot.issuers {
        // Tokens cannot be checked without keys; with the last good ones they can, for a day.
        let (status, output) = match (issuer.keys, issuer.failures) {
            (None | Some(0), _) => ("fail", Some("no key to check its tokens with".to_owned())),
            (Some(_), 0) => ("pass", None),
            (Some(_), failures) => (
                "warn",
                Some(format!(
                    "{failures} fetches failed in a row; the last good keys serve on"
                )),
            ),
        };
        checks.add(
            &format!("issuer/{}:keys", issuer.name),
            "component",
            status,
            issuer.age.map(|age| (json!(age.as_secs()), "seconds old")),
            output,
        );
    }
    for (name, link) in &snapshot.links {
        let output = match (&link.error, link.up) {
            (Some(_), false) => Some(format!("{} attempts failed in a row", link.failures)),
            _ => None,
        };
        checks.add(
            &format!("upstream/{name}:reachable"),
            "component",
            if link.up { "pass" } else { "fail" },
            None,
            output,
        );
    }
    for (name, screen, fails_open) in &snapshot.screens {
        let output = (!screen.up).then(|| {
            let then = if *fails_open {
                "texts pass without it"
            } else {
                "no text passes"
            };
            format!("{} attempts failed in a row; {then}", screen.failures)
        });
        let status = match (screen.up, fails_open) {
            (true, _) => "pass",
            (false, true) => "warn",
            (false, false) => "fail",
        };
        checks.add(
            &format!("screen/{name}:reachable"),
            "component",
            status,
            None,
            output,
        );
    }
    if let Some(shown) = certificate {
        let now_s = i64::try_from(snapshot.now.0 / 1_000_000).unwrap_or(i64::MAX);
        let (status, left, output) = match lasting(&shown.leaf, now_s) {
            Lasting::Days { left, status } => (status, Some((json!(left), "days")), None),
            Lasting::Unreadable(_) => (
                "warn",
                None,
                Some("the certificate in use cannot be read".to_owned()),
            ),
        };
        checks.add("certificate:lifetime", "system", status, left, output);
        // What callers are shown still holds, so this warns.
        let renewal = shown.refused.map(|why| {
            format!("the certificate in the files is not in use ({why}); the one before it still is")
        });
        let status = if renewal.is_some() { "warn" } else { "pass" };
        checks.add("certificate:renewal", "system", status, None, renewal);
    }
    if snapshot.draining {
        checks.add(
            "gateway:serving",
            "component",
            "fail",
            None,
            Some("shutting down".to_owned()),
        );
    }
    let well = checks.well;
    let body = json!({
        "status": if well { "pass" } else { "fail" },
        "version": env!("CARGO_PKG_VERSION"),
        "checks": checks.all,
    });
    Health { well, body }
}

struct Checks {
    time: String,
    all: Map<String, Value>,
    well: bool,
}

impl Checks {
    fn add(
        &mut self,
        key: &str,
        kind: &str,
        status: &str,
        observed: Option<(Value, &str)>,
        output: Option<String>,
    ) {
        self.well &= status != "fail";
        let mut check = json!({ "componentType": kind, "status": status, "time": self.time });
        if let Some((value, unit)) = observed {
            check["observedValue"] = value;
            check["observedUnit"] = json!(unit);
        }
        if let Some(output) = output {
            check["output"] = json!(output);
        }
        self.all.insert(key.to_owned(), json!([check]));
    }
}

#[cfg(test)]
mod tests {
    use golive_gateway::upstream::health::Reading;
    use golive_store::StoreHealth;

    use super::*;

    fn snapshot() -> Snapshot {
        let up = Reading {
            up: true,
            failures: 0,
            error: None,
            down_since: None,
            last_success: None,
        };
        Snapshot {
            now: golive_gateway::snapshot::Tick(1_800_000_000_000_000),
            draining: false,
            links: vec![("openai".to_owned(), up.clone()), ("spare".to_owned(), up)],
            screens: Vec::new(),
            store: StoreHealth {
                database: DatabaseHealth::Up,
                spill_used: 0,
                spill_size: 1024,
                full: false,
                disk_free: Some(1 << 40),
                queue_len: 0,
                unrecorded: 0,
                dropped_opens: 0,
                forged: 0,
            },
            windows: 3,
            issuers: vec![],
            certificates: 0,
            keys: 1,
        }
    }

    #[test]
    fn all_up_is_well() {
        let health = judge(&snapshot(), None);
        assert!(health.well);
        assert_eq!(health.body["status"], "pass");
    }

    #[test]
    fn a_lost_upstream_is_named_and_its_host_is_not() {
        let mut snapshot = snapshot();
        snapshot.links[1].1 = Reading {
            up: false,
            failures: 4,
            error: Some("cannot connect to 10.0.0.7:443".to_owned()),
            down_since: None,
            last_success: None,
        };
        let health = judge(&snapshot, None);
        assert!(!health.well);
        assert_eq!(
            health.body["checks"]["upstream/spare:reachable"][0]["status"],
            "fail"
        );
        assert_eq!(
            health.body["checks"]["upstream/openai:reachable"][0]["status"],
            "pass"
        );
        assert!(!health.body.to_string().contains("10.0.0.7"));
    }

    #[test]
    fn a_store_that_takes_no_rows_is_unwell_though_requests_go_on() {
        let mut snapshot = snapshot();
        snapshot.store.database = DatabaseHealth::Down {
            since_us: 1,
            error: "disk full".to_owned(),
        };
        let health = judge(&snapshot, None);
        assert!(!health.well);
        assert_eq!(health.body["checks"]["store:writes"][0]["status"], "fail");
    }

    #[test]
    fn a_certificate_that_was_refused_warns_and_says_why_without_a_path() {
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let shown = Shown {
            leaf: leaf.der().clone(),
            refused: Some("the key is not the certificate's"),
        };
        let health = judge(&snapshot(), Some(&shown));
        assert!(health.well);
        let check = &health.body["checks"]["certificate:renewal"][0];
        assert_eq!(check["status"], "warn");
        assert!(
            check["output"].as_str().unwrap().contains("the key is not"),
            "{check}"
        );
        let fine = Shown {
            refused: None,
            ..shown
        };
        let health = judge(&snapshot(), Some(&fine));
        assert_eq!(health.body["checks"]["certificate:renewal"][0]["status"], "pass");
    }

    #[test]
    fn warnings_do_not_fail_it_and_draining_does() {
        let mut snapshot = snapshot();
        snapshot.keys = 0;
        snapshot.store.disk_free = Some(DISK_WARN_BYTES - 1);
        assert!(judge(&snapshot, None).well);
        snapshot.draining = true;
        assert!(!judge(&snapshot, None).well);
    }
}
