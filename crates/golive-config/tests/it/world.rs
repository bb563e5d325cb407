//! A folder with a `golive.toml`, and an environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use golive_config::{Config, LoadError, Loaded, LoadedTargets, Mistake, Mistakes};
use tempfile::TempDir;

/// 32 bytes of zeros.
pub const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Well-formed keys; their checksums were computed with Python's `zlib.crc32`.
// golive:allow-secret made up for this test
pub const CALLER_KEY: &str = "glv_live_a1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba1Ba3qRLKa";
// golive:allow-secret made up for this test
pub const OTHER_KEY: &str = "glv_live_b2Cb2Cb2Cb2Cb2Cb2Cb2Cb2Cb2Cb2Cb2Cb2Cb2Cb2Cb1j1DSh";
// golive:allow-secret made up for this test
pub const THIRD_KEY: &str = "glv_live_c3Dc3Dc3Dc3Dc3Dc3Dc3Dc3Dc3Dc3Dc3Dc3Dc3Dc3Dc4ATV8f";

/// What most files need so that nothing else is wrong: an upstream and an agent, six lines.
pub const ROUTE: &str = "[upstreams.lab]
kind = \"openai\"
base_url = \"http://127.0.0.1:9900/v1\"
private_addresses = [\"127.0.0.0/8\"]
[agents.support]
chain = [\"lab/canned\"]
";

pub struct World {
    pub folder: TempDir,
    pub environment: BTreeMap<String, String>,
}

impl World {
    /// A folder that holds this `golive.toml`, and an environment with a master key.
    pub fn new(config: &str) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
        };
        world.write("golive.toml", config);
        world.set("GOLIVE_MASTER_KEY", MASTER_KEY)
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn unset(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    pub fn write(&self, file: &str, contents: &str) -> PathBuf {
        let path = self.folder.path().join(file);
        std::fs::write(&path, contents).unwrap();
        path
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("golive.toml")
    }

    pub fn load(&self) -> Result<Loaded, LoadError> {
        golive_config::load(&self.config_file(), &self.environment)
    }

    pub fn targets(&self) -> Result<LoadedTargets, LoadError> {
        golive_config::load_targets(&self.config_file(), &self.environment)
    }

    /// It must load.
    pub fn config(&self) -> Config {
        self.load()
            .unwrap_or_else(|error| panic!("{}", error.render(false)))
            .config
    }

    /// It must not load.
    pub fn mistakes(&self) -> Mistakes {
        match self.load() {
            Ok(_) => panic!("it loaded"),
            Err(LoadError::Mistakes(mistakes)) => mistakes,
            Err(other) => panic!("{other}"),
        }
    }

    /// It must not load, for one reason only.
    pub fn mistake(&self) -> Mistake {
        let mistakes = self.mistakes();
        assert_eq!(mistakes.len(), 1, "{mistakes}");
        mistakes.iter().next().unwrap().clone()
    }

    pub fn warnings(&self) -> Vec<&'static str> {
        let loaded = self
            .load()
            .unwrap_or_else(|error| panic!("{}", error.render(false)));
        loaded.warnings.iter().map(|warning| warning.code).collect()
    }
}

/// The line and the column (from 1) where `needle` begins in `text`.
pub fn place_of(text: &str, needle: &str) -> (usize, usize) {
    let at = text
        .find(needle)
        .unwrap_or_else(|| panic!("no {needle} in {text}"));
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    (
        text[..at].matches('\n').count() + 1,
        text[line_start..at].chars().count() + 1,
    )
}
