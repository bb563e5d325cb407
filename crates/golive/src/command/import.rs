//! E4: `golive import`: another gateway's configuration as a `golive.toml`, and every line of it that could not be
//! carried over.
//!
//! Never: overwrites a file, copies a secret, or passes over a line in silence.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use golive_config::{ImportNote, Imported, import_litellm};
use serde_json::json;

use crate::cli::{Format, Import, ImportLiteLlm};
use crate::exit::{self, Exit};
use crate::output::{self, plain};

/// The longest file that is read.
const FILE_MAX: u64 = 4 << 20;

pub fn run(import: &Import) -> Exit {
    let Import::Litellm(args) = import;
    match litellm(args) {
        Ok(imported) => {
            tell(args, &imported);
            exit::OK
        }
        Err(why) => {
            output::error(&why);
            exit::USAGE
        }
    }
}

fn litellm(args: &ImportLiteLlm) -> Result<Imported, String> {
    let text = read(&args.file)?;
    let imported =
        import_litellm(&text).map_err(|error| format!("cannot read {}: {error}", args.file.display()))?;
    if let Some(path) = &args.write {
        write(path, &imported.toml)?;
    }
    Ok(imported)
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(FILE_MAX + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > FILE_MAX {
        return Err(format!("{} is larger than 4 MiB", path.display()));
    }
    Ok(text)
}

fn write(path: &Path, toml: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{} is there already; name another file", path.display()),
        _ => format!("cannot write {}: {error}", path.display()),
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    file.write_all(toml.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

fn tell(args: &ImportLiteLlm, imported: &Imported) {
    if args.format == Format::Json {
        let notes: Vec<_> = imported
            .notes
            .iter()
            .map(|note| json!({"line": note.line, "path": note.path, "carried": note.carried, "why": note.why}))
            .collect();
        return output::json(&json!({"toml": imported.toml, "notes": notes}));
    }
    if args.write.is_none() {
        output::data(imported.toml.trim_end());
    }
    for (carried, head) in [
        (false, "\nNot carried over:"),
        (true, "\nCarried over; look at it:"),
    ] {
        let notes: Vec<&ImportNote> = imported
            .notes
            .iter()
            .filter(|note| note.carried == carried)
            .collect();
        if !notes.is_empty() {
            output::say(head);
        }
        for note in notes {
            // A note without a line is about what was written, not about what was read.
            let place = match note.line {
                0 => String::new(),
                line => format!("{}:{line}: ", args.file.display()),
            };
            output::say(&format!("  {place}{}: {}", plain(&note.path), plain(&note.why)));
        }
    }
    if let Some(path) = &args.write {
        output::say(&format!(
            "\nwrote {0}; next: golive --config {0} config check",
            path.display()
        ));
    }
}
