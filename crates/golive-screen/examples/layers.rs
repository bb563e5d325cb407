//! S8: what normalising finds in labelled texts: for each kind, in how many there are layers, and of which encoding.
//!
//! Reads JSON lines with `text` and `kind` from standard input, prints a table; with `--show KIND` also each layer found
//! in texts of that kind.
//!
//!     zcat CORPUS.jsonl.gz | cargo run --release -p golive-screen --example layers

use golive_screen::normalise::Normalised;
use std::collections::BTreeMap;
use std::io::BufRead;

#[derive(Default)]
struct Row {
    texts: usize,
    with_layers: usize,
    changed: usize,
    by_encoding: BTreeMap<String, usize>,
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let show = arguments
        .iter()
        .position(|argument| argument == "--show")
        .and_then(|at| arguments.get(at + 1));
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line: serde_json::Value = serde_json::from_str(&line?)?;
        let (Some(text), Some(kind)) = (line["text"].as_str(), line["kind"].as_str()) else {
            continue;
        };
        let normal = Normalised::of(text);
        let row = rows.entry(kind.to_owned()).or_default();
        row.texts += 1;
        row.changed += usize::from(normal.signs().mixed_words + normal.signs().invisible() > 0);
        row.with_layers += usize::from(!normal.layers().is_empty());
        if show.is_some_and(|shown| shown == kind)
            && (normal.signs().mixed_words > 0 || normal.signs().layers_cut)
        {
            println!("{:?}", normal.signs());
        }
        for layer in normal.layers() {
            *row.by_encoding.entry(format!("{:?}", layer.how)).or_default() += 1;
            if show.is_some_and(|shown| shown == kind) {
                println!(
                    "{:?} {:?}\n    <- {:?}",
                    layer.how,
                    layer.text,
                    text.get(layer.at.clone())
                );
            }
        }
    }
    println!("| kind | texts | with layers | with disguised characters | layers |\n|---|---|---|---|---|");
    for (kind, row) in rows {
        println!(
            "| {kind} | {} | {} | {} | {:?} |",
            row.texts, row.with_layers, row.changed, row.by_encoding
        );
    }
    Ok(())
}
