//! What the tests need beyond the Rust toolchain: programs from the distribution, and a Python environment of
//! their own with the official SDKs at pinned versions.
//!
//! Never: installs for the whole machine unless it is root on a machine with `apt-get`, and never touches a
//! Python environment that it did not make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::shell::{self, Outcome, find, root, say, succeeds, target_dir};

/// A program of the distribution that tests start.
struct Tool {
    /// Any one of these will do; the first one found wins.
    programs: &'static [&'static str],
    /// The Debian package that brings it.
    package: &'static str,
    /// What it is for, as said to the person who must install it.
    why: &'static str,
    /// The variable in which tests find its path.
    variable: Option<&'static str>,
}

/// Everything that a full run needs. The next one is one row.
const TOOLS: &[Tool] = &[
    Tool {
        programs: &["cc", "gcc", "clang"],
        package: "gcc",
        why: "compiles SQLite and the crypto library",
        variable: None,
    },
    Tool {
        programs: &["git"],
        package: "git",
        why: "tells whether a `.env` is tracked",
        variable: None,
    },
    Tool {
        programs: &["python3"],
        package: "python3",
        why: "runs the official SDKs against the gateway",
        variable: None,
    },
    Tool {
        programs: &["openssl"],
        package: "openssl",
        why: "plays servers with old versions and weak certificates",
        variable: Some("GOLIVE_TEST_OPENSSL"),
    },
    Tool {
        programs: &["nginx"],
        package: "nginx-light",
        why: "plays servers whose TLS is looked at from outside",
        variable: Some("GOLIVE_TEST_NGINX"),
    },
    Tool {
        programs: &["testssl", "testssl.sh"],
        package: "testssl.sh",
        why: "looks at the same servers as the prober, which must agree with it",
        variable: Some("GOLIVE_TEST_TESTSSL"),
    },
    Tool {
        programs: &["chromium", "chromium-browser", "google-chrome"],
        package: "chromium",
        why: "opens the HTML report as a person would",
        variable: Some("GOLIVE_TEST_CHROMIUM"),
    },
];

/// What a test finds in its environment: the variable and what it names.
pub(crate) type Variables = Vec<(&'static str, PathBuf)>;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(other) = arguments.first() {
        return Err(format!("`{other}` is no argument of this command"));
    }
    for (variable, path) in everything()? {
        println!("export {variable}={}", path.display());
    }
    Ok(())
}

/// All that a full run needs, found or installed.
pub(crate) fn everything() -> Outcome<Variables> {
    say("what the tests need");
    let mut variables = tools()?;
    variables.push(("GOLIVE_TEST_PYTHON", python()?));
    Ok(variables)
}

/// Finds or installs every tool; pairs of variable and path for the tests.
fn tools() -> Outcome<Variables> {
    let mut variables = Vec::new();
    for tool in TOOLS {
        let program = match find(tool.programs) {
            Some(program) => program,
            None => {
                install(tool.package, tool.why)?;
                find(tool.programs).ok_or_else(|| {
                    format!(
                        "`{}` was installed, but no `{}` is in the search path",
                        tool.package, tool.programs[0]
                    )
                })?
            }
        };
        println!("   {}: {}", tool.programs[0], program.display());
        variables.extend(tool.variable.map(|variable| (variable, program)));
    }
    Ok(variables)
}

/// The Python of an environment under the target folder that holds exactly the pinned packages. It is made anew
/// when the pins change, and when an earlier making of it did not come to its end.
fn python() -> Outcome<PathBuf> {
    let requirements = root().join("crates/golive/tests/it/sdk/requirements.txt");
    let pins = fs::read_to_string(&requirements)
        .map_err(|error| format!("cannot read {}: {error}", requirements.display()))?;
    let folder = target_dir().join("test-python");
    let python = folder.join("bin/python");
    let stamp = folder.join("installed.txt"); // written last: its presence means that all of it is there
    let fresh = fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins);
    if fresh && succeeds(Command::new(&python).args(["-c", "import openai, anthropic"])) {
        println!("   Python environment: {} (as pinned)", folder.display());
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
    }
    make_environment(&folder)?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--requirement",
    ];
    shell::run(Command::new(&python).args(pip).arg(&requirements)).map_err(|why| {
        format!("{why}; the official SDKs come from the Python package index: is it reachable? `--quick` leaves their tests out")
    })?;
    fs::write(&stamp, pins).map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(python)
}

fn make_environment(folder: &Path) -> Outcome {
    // Debian ships `venv` without the part that puts pip into the environment; asking for it is the only test.
    let complete = |python: &Path| succeeds(Command::new(python).args(["-c", "import venv, ensurepip"]));
    let mut python = find(&["python3"]).ok_or("no `python3` is in the search path")?;
    if !complete(&python) {
        install("python3-venv", "makes the Python environment of the SDK tests")?;
        // The package serves the distribution's own Python, which need not be the first in the path.
        python = PathBuf::from("/usr/bin/python3");
        if !complete(&python) {
            return Err("this Python cannot make virtual environments (no `ensurepip`)".into());
        }
    }
    shell::run(Command::new(python).args(["-m", "venv"]).arg(folder))
}

/// Installs one Debian package, or says why it cannot and what to do.
fn install(package: &str, why: &str) -> Outcome {
    static LISTS: OnceLock<bool> = OnceLock::new();
    let missing = |reason: &str| {
        format!(
            "`{package}` is missing ({why}) and cannot be installed here: {reason}. \
             Install it (Debian: `apt-get install {package}`) and run this again, or run `cargo xtask test --quick`, \
             which leaves out the tests that need it"
        )
    };
    if find(&["apt-get"]).is_none() {
        return Err(missing("there is no `apt-get`"));
    }
    if !is_root() {
        return Err(missing("this is not root"));
    }
    say(&format!("installing {package}: {why}"));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(["-qq", "-y", "-o", "Dpkg::Use-Pty=0"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        shell::run(&mut command)
    };
    // A fresh machine has no package lists; an old one has stale ones. Once a run is enough.
    LISTS.get_or_init(|| apt(&["update"]).is_ok());
    apt(&["install", "--no-install-recommends", package]).map_err(|error| missing(&error))
}

fn is_root() -> bool {
    // std has no call for the user id, and `id` is on every system that has apt-get.
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
