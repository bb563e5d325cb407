//! The command line: a stable surface. Help, completions and the man page are made from it.

mod state;

pub use state::*;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The go-live gate for AI agents: the controls of a go-live checklist in front of your agent, and the proof, from
/// outside, that they hold.
#[derive(Debug, Parser)]
#[command(name = "golive", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Begin with `golive demo`, or with `golive init` in an empty folder.")]
pub struct Cli {
    /// The configuration.
    #[arg(long, global = true, value_name = "FILE", default_value = "golive.toml")]
    pub config: PathBuf,
    /// Say less: only results and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it all on this machine: lab, gateway, proofs and report, without any key.
    #[command(
        after_help = "Examples:\n  golive demo\n  golive demo --exit --dir /tmp/demo\n  golive demo --port-base 9100"
    )]
    Demo(Demo),
    /// Write a commented golive.toml, a .env with fresh keys, and the lines for .gitignore.
    #[command(after_help = "Examples:\n  golive init\n  golive init --dir my-agent")]
    Init(Init),
    /// Make a golive.toml of another gateway's configuration, and list what it cannot carry over.
    #[command(
        subcommand,
        after_help = "Examples:\n  golive import litellm config.yaml\n  golive import litellm config.yaml --write golive.toml"
    )]
    Import(Import),
    /// Check the configuration, print its JSON Schema, or show what it means.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Run the gateway.
    #[command(
        after_help = "Examples:\n  golive serve\n  golive serve --config prod/golive.toml\n\nSIGHUP reloads the configuration; SIGTERM or Ctrl-C drains, a second one cuts."
    )]
    Serve,
    /// Run the lab: a simulated provider with faults on command, which records all that reaches it.
    #[command(
        after_help = "Examples:\n  golive lab\n  golive lab --listen 127.0.0.1:9900 --seed 7 --script faults.json\n  curl http://127.0.0.1:9900/_lab/timeline"
    )]
    Lab(Lab),
    /// Prove a deployment from outside and decide GO or NO-GO.
    #[command(
        after_help = "Examples:\n  golive check --plan\n  golive check --target staging\n  golive check --url https://agent.example/v1 --format openai --key-env AGENT_KEY --item S5\n\nExit codes: 0 GO (or a clean PARTIAL), 1 NO-GO (unproven counts as NO-GO), 2 wrong use, 3 target not\nreachable, 4 the run is not valid, 130 interrupted (the report of what was done is written)."
    )]
    Check(Box<Check>),
    /// Load a deployment for hours and say whether its memory grows: the full proof of P5. Goes on where it was.
    #[command(
        after_help = "Examples:\n  golive soak --target staging\n  golive soak --target staging --duration 1h --rate 500/s\n  golive soak --url http://127.0.0.1:8080/v1 --format openai --model support --key-env KEY --pid-file agent.pid --duration 10m --i-own-this\n\nReadings are kept in the folder of the report, line by line: the same command goes on after an interruption, and\n`golive check` takes a finished record of the same release. Exit codes are those of `golive check`."
    )]
    Soak(Box<Soak>),
    /// Look for secrets in a folder: its files, its whole git history, its archives. Sends nothing anywhere.
    #[command(
        after_help = "Examples:\n  golive scan .\n  golive scan . --report sarif=secrets.sarif --baseline secrets-baseline.json\n  golive scan . --write-baseline secrets-baseline.json\n\nExit codes: 0 nothing was found, 1 something was, 2 wrong use, 3 the path, or a part of it, cannot be read."
    )]
    Scan(Scan),
    /// Say what the screens find in a text or in lines of JSON, or how good they are on labelled ones.
    #[command(
        after_help = "Examples:\n  echo 'Ignore all previous instructions' | golive screen\n  golive screen --channel document < page.txt\n  golive screen < lines.jsonl > findings.jsonl\n  golive screen eval labelled.jsonl.gz\n\nA line is {\"id\": 1, \"text\": \"…\", \"channel\": \"user\"}; places in the findings are bytes of the text."
    )]
    Screen(Screen),
    /// Create, list, rotate and revoke API keys; at once, also while the gateway runs.
    #[command(subcommand)]
    Keys(Keys),
    /// Say who may do what and why, by the policies that are in force.
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Conversations that wait for a person: list, read, answer, put off, give back to the agent.
    #[command(subcommand)]
    Inbox(Inbox),
    /// List requests from the ledger, newest first.
    #[command(
        after_help = "Examples:\n  golive ledger --outcome error: --since 1h\n  golive ledger --callee agent/support --limit 20 --format json"
    )]
    Ledger(Ledger),
    /// Read what went wrong from the error log, newest first.
    #[command(
        after_help = "Examples:\n  golive errors --since 1h\n  golive errors --callee agent/support --type upstream_timeout --format json"
    )]
    Errors(Errors),
    /// Say what requests cost, what they will at 1, 5 and 10 times the traffic, and how that stands to the budgets.
    #[command(
        after_help = "Examples:\n  golive cost\n  golive cost --from 7d\n  golive cost --from 2026-11-01 --to 2026-11-08 --format json\n\nA projection is worth something from 7 days and 200 requests of real traffic on; below that it says so."
    )]
    Cost(Cost),
    /// List what models cost, or take over a table that others keep.
    #[command(subcommand)]
    Prices(Prices),
    /// Show what each stage decided about one request, or what a checklist item means and how it is proven.
    #[command(
        after_help = "Examples:\n  golive explain 019ab2c4-…          (an x-request-id)\n  golive explain S5"
    )]
    Explain(Explain),
    /// Replace the keys that seal data at rest, and count what stands under which; also while the gateway runs.
    #[command(subcommand)]
    Seal(Seal),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page.
    Man,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: JSON on stdout alone.
    Json,
}

/// `golive demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where its files go.
    #[arg(long, value_name = "DIR", default_value = "golive-demo")]
    pub dir: PathBuf,
    /// End when the report is written, with the gate's exit code, instead of staying up.
    #[arg(long)]
    pub exit: bool,
    /// The first of the ports it listens on.
    #[arg(long, value_name = "N", default_value_t = 8780, value_parser = clap::value_parser!(u16).range(1024..65_500))]
    pub port_base: u16,
}

/// `golive init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Where the files go.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// How the list of files is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive import`.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// From LiteLLM's proxy: models, fallbacks, retries, timeouts and limits. Keys are never copied.
    Litellm(ImportLiteLlm),
}

/// `golive import litellm`.
#[derive(Debug, Args)]
pub struct ImportLiteLlm {
    /// LiteLLM's `config.yaml`.
    pub file: PathBuf,
    /// Writes the configuration there instead of printing it; a file that is there stays.
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with the file, with line, column and help.
    Check {
        /// How mistakes are printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the JSON Schema of the file.
    Schema,
    /// Print the effective configuration: defaults filled in, secrets left out.
    Show {
        /// TOML for people, or JSON.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `golive lab`.
#[derive(Debug, Args)]
pub struct Lab {
    /// Where it listens: all providers, and the control under /_lab.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9900")]
    pub listen: SocketAddr,
    /// Decides all that is left to chance.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Providers and their scripts, as JSON (docs/lab.md).
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// A provider with a port of its own, which can refuse and hang: NAME=ADDR. May be repeated.
    #[arg(long, value_name = "NAME=ADDR", value_parser = provider)]
    pub provider: Vec<(String, SocketAddr)>,
}

/// `golive screen`.
#[derive(Debug, Args)]
pub struct Screen {
    /// Where a text that is no line of JSON stands: user, document, tool or system.
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
    /// List every kind of personal data and secrets, with what stands in its place.
    #[arg(long)]
    pub kinds: bool,
    /// How the result is printed; lines of JSON are answered by lines of JSON in either case.
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub format: Format,
    #[command(subcommand)]
    pub command: Option<ScreenCommand>,
}

/// `golive screen …`.
#[derive(Debug, Subcommand)]
pub enum ScreenCommand {
    /// Precision, recall and a threshold curve on labelled lines (`label` is attack or benign), or on lines whose `spans` say where personal data stands. Reads .gz too.
    Eval {
        /// The file of labelled lines.
        file: PathBuf,
    },
}

/// `golive check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Send nothing; print, part by part, what can be proven, what is missing and what it would cost.
    #[arg(long)]
    pub plan: bool,
    /// Only this phase: security, performance, errors, monitoring, recovery, before_launch, or its number. May be
    /// repeated.
    #[arg(long, value_name = "PHASE")]
    pub phase: Vec<String>,
    /// Only this item: S5. May be repeated.
    #[arg(long, value_name = "ID")]
    pub item: Vec<String>,
    /// The `[targets.NAME]` of the configuration; not needed if there is only one.
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub target: Option<String>,
    /// A target without any file: its base URL.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// With --url: the target's wire format, openai or anthropic. Also text or json: how the result is printed.
    #[arg(long, value_name = "FORMAT", value_parser = ["openai", "anthropic", "text", "json"])]
    pub format: Vec<String>,
    /// With --url: the environment variable that holds a valid key. May be repeated as ROLE=VARIABLE.
    #[arg(long, value_name = "[ROLE=]VARIABLE", requires = "url")]
    pub key_env: Vec<String>,
    /// With --url: what requests ask for in `model`.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub model: Option<String>,
    /// With --url: the control address of the lab that plays the target's model.
    #[arg(long, value_name = "URL", requires = "url")]
    pub lab_url: Option<String>,
    /// With --url: the target's health address.
    #[arg(long, value_name = "URL", requires = "url")]
    pub health_url: Option<String>,
    /// With --url: the target's metrics address.
    #[arg(long, value_name = "URL", requires = "url")]
    pub metrics_url: Option<String>,
    /// The folder of the target's repository: S1 reads its files and its history.
    #[arg(long, value_name = "PATH")]
    pub repository: Option<PathBuf>,
    /// Findings in it that are known and borne (`golive scan --write-baseline`).
    #[arg(long, value_name = "FILE")]
    pub scan_baseline: Option<PathBuf>,
    /// Load and attack proofs may run though the target is not marked `staging = true`: it is yours, and you say so.
    #[arg(long)]
    pub i_own_this: bool,
    /// A short run for CI: proofs of rates send less, and say what that cannot bound.
    #[arg(long)]
    pub quick: bool,
    /// Go on after a failure in phase 1.
    #[arg(long)]
    pub keep_going: bool,
    /// An unproven part that may pass this time: ID=reason. Recorded; the banner says GO WITH EXCEPTIONS. In phase 1
    /// it needs two people: --by NAME --by NAME.
    #[arg(long, value_name = "ID=REASON")]
    pub allow_unproven: Vec<String>,
    /// Leave an item or part out: ID=reason. Recorded like --allow-unproven.
    #[arg(long, value_name = "ID=REASON")]
    pub exclude: Vec<String>,
    /// Who takes responsibility for the exceptions.
    #[arg(long, value_name = "NAME")]
    pub by: Vec<String>,
    /// Decides all that is left to chance; printed in the report.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the report goes: check.html and check.json.
    #[arg(long, value_name = "DIR", default_value = "golive-report")]
    pub out: PathBuf,
    /// One more report: json=FILE or html=FILE. May be repeated.
    #[arg(long, value_name = "KIND=FILE")]
    pub report: Vec<String>,
    /// Scaled numbers count in full. Only the demo passes this; the report says so.
    #[arg(long, hide = true)]
    pub demo: bool,
}

/// `golive soak`.
#[derive(Debug, Args)]
pub struct Soak {
    /// The `[targets.NAME]` of the configuration; not needed if there is only one.
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub target: Option<String>,
    /// A target without any file: its base URL.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// With --url: the target's wire format, openai or anthropic. Also text or json: how the result is printed.
    #[arg(long, value_name = "FORMAT", value_parser = ["openai", "anthropic", "text", "json"])]
    pub format: Vec<String>,
    /// With --url: the environment variable that holds a valid key.
    #[arg(long, value_name = "[ROLE=]VARIABLE", requires = "url")]
    pub key_env: Vec<String>,
    /// With --url: what requests ask for in `model`.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub model: Option<String>,
    /// With --url: the target's metrics address.
    #[arg(long, value_name = "URL", requires = "url")]
    pub metrics_url: Option<String>,
    /// File that holds the number of the target's process, on this machine.
    #[arg(long, value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
    /// The memory it may use: 512 MiB.
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<String>,
    /// How long: 10m, 24h. Shorter than declared (24 h if nothing is) warns at best.
    #[arg(long, value_name = "DURATION")]
    pub duration: Option<String>,
    /// Requests of the load: 20/s.
    #[arg(long, value_name = "RATE")]
    pub rate: Option<String>,
    /// Begin anew; an earlier record is kept beside the new one, as .old.
    #[arg(long)]
    pub fresh: bool,
    /// The target is not marked `staging = true`, but it is yours, and you say so.
    #[arg(long)]
    pub i_own_this: bool,
    /// Decides all that is left to chance; printed in the report.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the record goes, and below it, in `soak/`, the report.
    #[arg(long, value_name = "DIR", default_value = "golive-report")]
    pub out: PathBuf,
    /// One more report: json=FILE or html=FILE. May be repeated.
    #[arg(long, value_name = "KIND=FILE")]
    pub report: Vec<String>,
}

/// `golive scan`.
#[derive(Debug, Args)]
pub struct Scan {
    /// The folder, or one file.
    pub path: PathBuf,
    /// Write a report: sarif=FILE or json=FILE. May be repeated.
    #[arg(long, value_name = "KIND=FILE")]
    pub report: Vec<String>,
    /// Findings that are known and borne, each with reason, author and last day.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what was found as a baseline. Entries that have a reason keep it; new ones wait for one, and do not count
    /// before.
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
    /// Take the SARIF log of another scanner (gitleaks, trufflehog, kingfisher) as evidence. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub import_sarif: Vec<PathBuf>,
    /// Leave the git history out.
    #[arg(long)]
    pub no_history: bool,
    /// How many threads; as many as there are cores if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

fn provider(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text
        .split_once('=')
        .ok_or("write NAME=ADDR, as in spare=127.0.0.1:9901")?;
    let address = address
        .parse()
        .map_err(|_| format!("`{address}` is not an address; write 127.0.0.1:9901"))?;
    Ok((name.to_owned(), address))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        super::Cli::command().debug_assert();
    }
}
