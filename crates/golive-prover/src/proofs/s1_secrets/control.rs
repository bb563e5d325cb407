//! S1: the controls of the repository's parts: a folder, a repository and an archive made for the purpose, once with a
//! made-up secret in it and once without.
//!
//! Never: leaves them behind, or plants anything in the repository that is judged.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use golive_checklist::judge::{Scored, UnscoredReason};
use jiff::civil::Date;

use crate::control::{Controls, Negative, Positive};
use crate::secrets::{Engine, Origin, SELF_TEST_SEED, Scan, ScanOptions, made, scan, test_rules};

/// What the made-up folder gave: with a secret, and without.
pub(super) struct Tried {
    rules: Scored<bool>,
    detail: String,
    with: Result<Scan, String>,
    without: Result<Scan, String>,
}

/// Makes both folders, scans them and removes them.
pub(super) fn try_all(engine: &Engine, seed: u64, today: Date) -> Tried {
    let test = test_rules(engine, SELF_TEST_SEED);
    let detail = if test.wrong.is_empty() {
        format!(
            "{} rules, {} made-up secrets, {} harmless texts",
            test.rules, test.made, test.harmless
        )
    } else {
        test.wrong.join("; ")
    };
    Tried {
        rules: Scored::Scored(test.wrong.is_empty()),
        detail,
        with: scanned(engine, Some(seed), today),
        without: scanned(engine, None, today),
    }
}

fn scanned(engine: &Engine, secret: Option<u64>, today: Date) -> Result<Scan, String> {
    let folder = Folder::new().map_err(|error| error.to_string())?;
    fill(&folder.0, secret)?;
    scan(
        engine,
        &folder.0,
        &ScanOptions::new(today),
        &AtomicBool::new(false),
    )
    .map_err(|error| error.to_string())
}

/// A folder that only we may read, gone when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("golive-s1-{:032x}", rand::random::<u128>()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed holds nothing but a made-up secret.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fill(folder: &Path, secret: Option<u64>) -> Result<(), String> {
    let line = |number: u64| match secret {
        Some(seed) => format!("value = \"{}\"\n", made("github-token", seed ^ number)),
        None => "value = \"none\"\n".to_owned(),
    };
    let words = |error: io::Error| error.to_string();
    let repo = gix::init(folder).map_err(|error| error.to_string())?;
    // An object that nothing leads to.
    repo.write_blob(line(1).as_bytes())
        .map_err(|error| error.to_string())?;
    fs::write(folder.join(".gitignore"), ".env\n").map_err(words)?;
    fs::write(folder.join("settings.txt"), line(2)).map_err(words)?;
    let mut inner = tar::Builder::new(Vec::new());
    let text = line(3);
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    inner
        .append_data(&mut header, "app/settings.txt", text.as_bytes())
        .map_err(words)?;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(&inner.into_inner().map_err(words)?)
        .map_err(words)?;
    fs::write(folder.join("image.tar.gz"), packed.finish().map_err(words)?).map_err(words)?;
    let env = folder.join(".env");
    fs::write(&env, "A=b\n").map_err(words)?;
    let mode = if secret.is_some() { 0o644 } else { 0o600 };
    fs::set_permissions(&env, fs::Permissions::from_mode(mode)).map_err(words)
}

impl Tried {
    /// The controls of a part whose findings are of `origin`.
    pub(super) fn of(&self, what: &str, origin: Origin) -> Controls {
        let seen = |scan: &Result<Scan, String>| match scan {
            Ok(scan) => Scored::Scored(scan.counting().any(|finding| finding.origin == origin)),
            Err(why) => Scored::Unscored(UnscoredReason::Unexpected(why.clone())),
        };
        Controls::new()
            .positive(Positive::new(
                "every rule finds a made-up secret of its kind",
                self.rules.clone(),
                self.detail.clone(),
            ))
            .positive(Positive::new(
                format!("a secret planted in {what} made for it is found"),
                seen(&self.with),
                "",
            ))
            .negative(Negative::new(
                format!("the same {what} without it is silent"),
                seen(&self.without).map(|seen| !seen),
                "",
            ))
    }

    /// The controls of the `.env` part.
    pub(super) fn of_env(&self) -> Controls {
        let private = |scan: &Result<Scan, String>, wanted: bool| match scan {
            Ok(scan) => Scored::Scored(
                scan.env.len() == 1
                    && scan.env[0].ignored == Some(true)
                    && scan.env[0].tracked == Some(false)
                    && scan.env[0].private == wanted,
            ),
            Err(why) => Scored::Unscored(UnscoredReason::Unexpected(why.clone())),
        };
        Controls::new()
            .positive(Positive::new(
                "a .env that is ignored, untracked and private is read so",
                private(&self.without, true),
                "",
            ))
            .negative(Negative::new(
                "one that everybody may read is noticed",
                private(&self.with, false),
                "",
            ))
    }
}
