//! The command line: a stable surface. Help, completions and the man page are made from it.

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

/// `golive keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key. Its text is printed once and kept nowhere.
    #[command(
        after_help = "Examples:\n  golive keys create web --agents support --expires 90d\n  golive keys create backend --may-assert-users"
    )]
    Create(NewKey),
    /// List all keys.
    List {
        /// How they are printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Give a key a new text, printed once. The old one still opens for the overlap; the key's id, rights and
    /// limits go on.
    #[command(
        after_help = "Examples:\n  golive keys rotate web\n  golive keys rotate web --overlap 1d --expires 90d\n  golive keys rotate web --overlap 0s     (the old text leaked: it ends now)"
    )]
    Rotate {
        /// Its id or name.
        key: String,
        /// How long the old text still opens; 0s: it ends at once.
        #[arg(long, value_name = "DURATION", default_value = "7d")]
        overlap: String,
        /// How long the key is valid from now: 90d. Left out: as before.
        #[arg(long, value_name = "DURATION")]
        expires: Option<String>,
        /// How the key is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Revoke a key. When this returns, the gateway refuses it.
    Revoke {
        /// Its id or name.
        key: String,
        /// How the revoked key is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `golive keys create`.
#[derive(Debug, Args)]
pub struct NewKey {
    /// Its name: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// A role of its principal. May be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// The team it belongs to.
    #[arg(long)]
    pub team: Option<String>,
    /// Agents it may call, separated by commas; all if not given, none if "".
    #[arg(long, value_delimiter = ',', default_value = "*")]
    pub agents: Vec<String>,
    /// Models it may call, separated by commas; all if not given, none if "".
    #[arg(long, value_delimiter = ',', default_value = "*")]
    pub models: Vec<String>,
    /// Its requests may say on whose behalf they are.
    #[arg(long)]
    pub may_assert_users: bool,
    /// How long it is valid: 90d.
    #[arg(long, value_name = "DURATION")]
    pub expires: Option<String>,
    /// How the key is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive auth`.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Say whether a key may do something, and which policy decides.
    #[command(
        after_help = "Examples:\n  golive auth explain --as web --action call --resource agent/support\n  golive auth explain --as anyone --role viewer --action read --resource ledger/all\n\nActions: call, use, read, change, answer, create, revoke. Resources: agent/NAME, model/NAME, tool/NAME,\nhosted/NAME, release/ID, flag/NAME, conversation/own, conversation/all, ledger/own, ledger/all, key/NAME, policy."
    )]
    Explain(AuthExplain),
    /// Print what each role may do with each thing.
    Matrix {
        /// How it is printed; JSON has one object for each cell.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the built-in policies.
    Policies {
        /// Print what policies may speak of instead.
        #[arg(long)]
        schema: bool,
    },
}

/// `golive auth explain`.
#[derive(Debug, Args)]
pub struct AuthExplain {
    /// Who: a key by id or name; any name if roles are given.
    #[arg(long = "as", value_name = "USER")]
    pub principal: String,
    /// What it wants to do.
    #[arg(long, value_name = "ACTION")]
    pub action: String,
    /// With what.
    #[arg(long, value_name = "RESOURCE")]
    pub resource: String,
    /// A role in place of the key's own. May be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// A team in place of the key's own.
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive inbox`.
#[derive(Debug, Subcommand)]
pub enum Inbox {
    /// List tickets, those that wait longest first.
    #[command(after_help = "Examples:\n  golive inbox list\n  golive inbox list --all --format json")]
    List {
        /// Resolved ones too.
        #[arg(long)]
        all: bool,
        /// How many at the most.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// How they are printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show a ticket: why it waits, what was said before and since.
    Show {
        /// Its id.
        ticket: uuid::Uuid,
        /// How it is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Answer the user. Without TEXT it is read from stdin.
    #[command(
        after_help = "Examples:\n  golive inbox answer 019ab2c4-… 'Your order left us this morning.'\n  golive inbox answer 019ab2c4-… < reply.txt"
    )]
    Answer {
        /// The ticket.
        ticket: uuid::Uuid,
        /// The words.
        text: Option<String>,
        /// Who answers; the user of this machine if not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// How the ticket is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Put a ticket off: it waits again afterwards.
    Snooze {
        /// The ticket.
        ticket: uuid::Uuid,
        /// For how long: 2h.
        #[arg(long = "for", value_name = "DURATION", default_value = "1h")]
        lasts: String,
        /// Who does; the user of this machine if not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// How the ticket is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Give the conversation back to the agent.
    Resolve {
        /// The ticket.
        ticket: uuid::Uuid,
        /// A last word to the user.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// Who does; the user of this machine if not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// How the ticket is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `golive ledger`.
#[derive(Debug, Args)]
pub struct Ledger {
    /// Rows of the last DURATION: 1h.
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// Rows older than DURATION.
    #[arg(long, value_name = "DURATION")]
    pub until: Option<String>,
    /// Rows of agent/NAME or model/NAME.
    #[arg(long, value_name = "NAME")]
    pub callee: Option<String>,
    /// Rows of this key.
    #[arg(long, value_name = "ID")]
    pub principal: Option<String>,
    /// Rows of this user, as the ledger prints it.
    #[arg(long, value_name = "HASH")]
    pub user: Option<String>,
    /// The beginning of the outcome: ok, refused:, error:, cancelled, lost.
    #[arg(long, value_name = "PREFIX")]
    pub outcome: Option<String>,
    /// How many at the most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// How rows are printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive errors`.
#[derive(Debug, Args)]
pub struct Errors {
    /// Entries of the last DURATION: 1h.
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// Entries of agent/NAME or model/NAME.
    #[arg(long, value_name = "NAME")]
    pub callee: Option<String>,
    /// Entries of this user, as the ledger prints it.
    #[arg(long, value_name = "HASH")]
    pub user: Option<String>,
    /// The entry of this request.
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
    /// Entries with this code: upstream_timeout, circuit_open.
    #[arg(long = "type", value_name = "CODE")]
    pub kind: Option<String>,
    /// The log, in place of the one that the configuration names.
    #[arg(long, value_name = "FILE")]
    pub file: Option<std::path::PathBuf>,
    /// How many at the most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// How entries are printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive cost`.
#[derive(Debug, Args)]
pub struct Cost {
    /// From this day on (2026-11-01, UTC), or from so long ago (7d). Left out: all there is.
    #[arg(long, value_name = "DAY|DURATION")]
    pub from: Option<String>,
    /// Up to the begin of this day, or up to so long ago. Left out: now.
    #[arg(long, value_name = "DAY|DURATION")]
    pub to: Option<String>,
    /// Decides the draws of the intervals.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive prices`.
#[derive(Debug, Subcommand)]
pub enum Prices {
    /// Print what the links of the configuration cost; with --all, every price that is known.
    List {
        /// Every entry of the tables.
        #[arg(long)]
        all: bool,
        /// How they are printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Read LiteLLM's model_prices_and_context_window.json or models.dev's api.json into a table for
    /// `money.prices_file`.
    #[command(
        after_help = "Examples:\n  golive prices import model_prices_and_context_window.json --out prices.json\n  golive prices import api.json --out prices.json --only openai --only anthropic\n\nThen: [money] prices_file = \"prices.json\""
    )]
    Import {
        /// The file, as it was downloaded.
        file: PathBuf,
        /// Where the table goes. It is replaced if it is there.
        #[arg(long, value_name = "FILE", default_value = "prices.json")]
        out: PathBuf,
        /// Only this provider. May be repeated.
        #[arg(long, value_name = "PROVIDER")]
        only: Vec<String>,
        /// The day on which the file was downloaded; today if not given.
        #[arg(long, value_name = "DAY")]
        date: Option<String>,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `golive seal`.
#[derive(Debug, Subcommand)]
pub enum Seal {
    /// Make new data keys and seal every row anew under them; or, with --master, put another master key over them.
    #[command(
        after_help = "Examples:\n  golive seal rotate\n  golive seal rotate --master --new-master-key-file /run/secrets/master.new\n\nThe gateway serves on meanwhile. An interrupted rotation goes on when the command is run again."
    )]
    Rotate(SealRotate),
    /// Count what is sealed under which key, how old the keys are and how much they may still seal.
    Status {
        /// How it is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// `golive seal rotate`.
#[derive(Debug, Args)]
pub struct SealRotate {
    /// Wrap the data keys under another master key. No row is touched.
    #[arg(long, requires = "new_key")]
    pub master: bool,
    /// With --master: the variable that holds the new key, 32 bytes in base64; of the environment, else of the .env.
    #[arg(long, value_name = "VARIABLE", group = "new_key", requires = "master")]
    pub new_master_key_env: Option<String>,
    /// With --master: the file that holds the new key.
    #[arg(long, value_name = "FILE", group = "new_key", requires = "master")]
    pub new_master_key_file: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `golive explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A request id, or a checklist item: S5.
    pub what: String,
    /// Unseal and show the prompt and the reply too.
    #[arg(long)]
    pub content: bool,
    /// How it is printed.
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
