//! P6: `golive prices`: what models cost, and tables that others keep.

use std::io::Read;
use std::path::Path;

use golive_checklist::unit::MicroUsd;
use golive_config::Config;
use golive_config::calendar::{format_date, parse_date};
use golive_config::prices::{Part, Price, PriceTable, import};
use golive_gateway::money::link_name;
use serde_json::{Value, json};

use crate::cli::{Format, Prices};
use crate::exit::{self, Exit};
use crate::output::{self, plain};

/// The largest table that is read; LiteLLM's has 3 MiB.
const FILE_MAX: u64 = 64 * 1024 * 1024;

pub fn run(command: Prices, config: &Path) -> Exit {
    match command {
        Prices::List { all, format } => list(config, all, format),
        Prices::Import {
            file,
            out,
            only,
            date,
            format,
        } => take_over(&file, &out, &only, date.as_deref(), format),
    }
}

fn list(path: &Path, all: bool, format: Format) -> Exit {
    let config = match super::load_quietly(path) {
        Ok(loaded) => loaded.config,
        Err(code) => return code,
    };
    let rows = if all { every(&config) } else { of_links(&config) };
    if format == Format::Json {
        output::json(&Value::Array(rows));
        return exit::OK;
    }
    let cells = rows.iter().map(|row| {
        let cell = |key| output::cell(row, key);
        vec![
            cell("name"),
            cell("input"),
            cell("cached_input"),
            cell("output"),
            cell("request"),
            cell("from"),
            cell("date"),
        ]
    });
    output::table(
        &["link", "input", "cached", "output", "a request", "from", "of"],
        cells.collect(),
        "no chain has a link",
    );
    if !all {
        output::say("US dollars per million tokens. `?`: nobody knows; say it in [prices].");
    }
    exit::OK
}

/// The links of the configuration, each once.
fn of_links(config: &Config) -> Vec<Value> {
    let mut links: Vec<_> = config.callees().flat_map(|callee| &callee.chain).collect();
    links.sort_by_key(|link| link_name(link));
    links.dedup_by_key(|link| link_name(link));
    let one = |link: &&golive_config::LinkRef| match config.money.prices.of(link) {
        Some(found) => row(&link_name(link), found.price, found.origin.as_str()),
        None => json!({ "name": link_name(link), "input": "?", "output": "?", "from": "nobody" }),
    };
    links.iter().map(one).collect()
}

/// Every entry: the configuration's own, the imported table's, the shipped table's.
fn every(config: &Config) -> Vec<Value> {
    let prices = &config.money.prices;
    let own = prices.own.iter().map(|(name, price)| row(name, price, "config"));
    let in_file = prices
        .file
        .iter()
        .flat_map(|table| table.iter().map(|(name, price)| row(name, price, "prices_file")));
    let shipped = PriceTable::shipped().iter();
    own.chain(in_file)
        .chain(shipped.map(|(name, price)| row(name, price, "shipped")))
        .collect()
}

fn row(name: &str, price: &Price, from: &str) -> Value {
    let mut row = json!({ "name": name, "from": from });
    for part in Part::ALL {
        if let Some(own) = price.rates.own(part) {
            row[part.key()] = json!(own.to_string());
        }
    }
    if price.request != MicroUsd(0) {
        row["request"] = json!(price.request.to_string());
    }
    if let Some(above) = price.above.first() {
        row["long_from"] = json!(above.tokens);
    }
    row["date"] = json!(price.date.map(format_date));
    row["source"] = json!(price.source);
    row
}

fn take_over(file: &Path, out: &Path, only: &[String], date: Option<&str>, format: Format) -> Exit {
    let date = match date {
        None => golive_store::now_us().div_euclid(86_400_000_000),
        Some(text) => match parse_date(text) {
            Some(date) => date,
            None => {
                output::error(&format!(
                    "--date: `{}` is not a day such as 2026-11-04",
                    plain(text)
                ));
                return exit::USAGE;
            }
        },
    };
    let text = match read(file) {
        Ok(text) => text,
        Err(why) => {
            output::error(&format!("cannot read {}: {why}", file.display()));
            return exit::UNREACHABLE;
        }
    };
    let imported = match import(&text, date) {
        Ok(imported) => imported,
        Err(why) => {
            output::error(&format!("{}: {why}", file.display()));
            return exit::FAILED;
        }
    };
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| name.split('/').next() == Some(one));
    let mut table = PriceTable::new(&imported.table.notice, imported.table.date.unwrap_or(date));
    for (name, price) in imported.table.iter().filter(|(name, _)| wanted(name)) {
        table.insert(name, price.clone());
    }
    if table.is_empty() {
        output::error("no price of these providers is in the file; nothing was written");
        return exit::FAILED;
    }
    let told = json!({
        "form": imported.form,
        "prices": table.len(),
        "left_out": imported.left_out,
        "shipped_that_differ": differing(&table),
        "file": out,
    });
    // A new file in the place of the old one: a running gateway reads all of the one or of the other.
    let next = out.with_extension("json.new");
    if let Err(why) = std::fs::write(&next, table.write()).and_then(|()| std::fs::rename(&next, out)) {
        output::error(&format!("cannot write {}: {why}", out.display()));
        return exit::FAILED;
    }
    match format {
        Format::Json => output::json(&told),
        Format::Text => {
            output::data(&format!(
                "{}: {} prices from a table of {}'s form; {} entries have no price by tokens",
                out.display(),
                table.len(),
                imported.form,
                imported.left_out
            ));
            let differ = told["shipped_that_differ"].as_array().map_or(0, Vec::len);
            if differ > 0 {
                output::say(&format!(
                    "{differ} of them differ from the shipped table: --format json names them"
                ));
            }
            output::say(&format!(
                "Take it into golive.toml: [money] prices_file = \"{}\"",
                out.display()
            ));
        }
    }
    exit::OK
}

/// Names whose input or output price is another one than the shipped table's: a slip would stand out here.
fn differing(table: &PriceTable) -> Vec<&str> {
    let shipped = PriceTable::shipped();
    table
        .iter()
        .filter(|(name, price)| {
            shipped.get(name).is_some_and(|known| {
                [Part::Input, Part::Output]
                    .iter()
                    .any(|part| known.rates.own(*part) != price.rates.own(*part))
            })
        })
        .map(|(name, _)| name)
        .collect()
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(file)?
        .take(FILE_MAX + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX {
        return Err(std::io::Error::other("it is larger than 64 MiB"));
    }
    Ok(text)
}
