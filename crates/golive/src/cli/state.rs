//! The arguments of the commands that ask or change what golive keeps: keys, policies, ledger, tickets, money, seals.
//!
//! Never: does anything.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Format;

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
