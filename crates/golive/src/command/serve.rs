//! `golive serve`: the gateway, from its configuration to its drained end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use golive_config::{Config, LogFormat, ProcessEnvironment, UpstreamKind};
use golive_gateway::policy::Rules;
use golive_gateway::server::Server;
use golive_gateway::{Gateway, socket};
use golive_ops::{Admin, Probes};
use golive_store::{Retention, Store};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::exit::{self, Exit};
use crate::output;

/// How often links nobody calls are connected to. Three failures make one down, so its loss is known within 8 s.
const LINKS_EVERY: Duration = Duration::from_secs(2);
/// How long such a connect may take.
const LINKS_PATIENCE: Duration = Duration::from_secs(2);
/// Seals left at which the log says so every hour: at a thousand a second these last five days.
const SEALS_LOW: u64 = (1 << 32) / 10;
/// How often old content and rows are looked for.
const RETENTION_EVERY: Duration = Duration::from_secs(3600);

pub async fn run(path: &Path, quiet: bool) -> Exit {
    let config = match super::load(path) {
        Ok(config) => Arc::new(config),
        Err(code) => return code,
    };
    start_log(&config);
    forbid_core_dumps();
    // Before anything is opened: a wrong policy is a wrong configuration.
    if let Err(error) = Rules::check(&config) {
        output::error(&error.to_string());
        return exit::USAGE;
    }
    // Watched before anything else is done: a change that falls into the start is seen.
    let (changed, changes) = mpsc::channel(1);
    let watch = {
        let changed = changed.clone();
        golive_config::watch(path, move || {
            // Full means one is waiting already, and one is enough.
            let _ = changed.try_send(());
        })
    };
    let watch = watch
        .inspect_err(|error| tracing::warn!("{}", golive_gateway::upstream::chain_of(error)))
        .ok();
    if let Some(watch) = &watch {
        watch.also(&config.policies.files);
    }
    match serve(path, config, changed, changes, watch, quiet).await {
        Ok(code) => code,
        Err(why) => {
            output::error(&why);
            exit::FAILED
        }
    }
}

async fn serve(
    path: &Path,
    config: Arc<Config>,
    changed: mpsc::Sender<()>,
    changes: mpsc::Receiver<()>,
    watch: Option<golive_config::Watch>,
    quiet: bool,
) -> Result<Exit, String> {
    let words = |error: &dyn std::error::Error| golive_gateway::upstream::chain_of(error);
    let opened = super::open_store(&config).await?;
    if opened.lost > 0 {
        tracing::warn!(
            lost = opened.lost,
            "requests were open when the last process died; they are settled as lost"
        );
    }
    if opened.drained > 0 {
        tracing::info!(rows = opened.drained, "rows came back from the spill file");
    }
    let store = opened.store;
    if store.rotation_unfinished().await.map_err(|e| words(&e))? {
        tracing::warn!("a rotation of the data keys was interrupted; `golive seal rotate` goes on with it");
    }
    let gateway = Gateway::start(Arc::clone(&config), store.clone())
        .await
        .map_err(|e| words(&e))?;
    let server = Server::bind(&config, Arc::clone(&gateway))
        .await
        .map_err(|e| words(&e))?;
    let probes = Probes::bind(config.probes.listen, Arc::clone(&gateway), server.tls().cloned())
        .await
        .map_err(|e| words(&e))?;
    let admin = match &config.admin {
        Some(section) => Some(
            Admin::bind(section, Arc::clone(&gateway))
                .await
                .map_err(|e| words(&e))?,
        ),
        None => None,
    };
    let socket_path = socket::path_of(&config.store.path);
    let operators = socket::listen(&socket_path).map_err(|e| words(&e))?;

    let stop = CancellationToken::new();
    // The doors of operators stay open while the gateway drains.
    let stop_doors = CancellationToken::new();
    let public = server.local_addr().map_err(|e| words(&e))?;
    let probing = probes.local_addr().map_err(|e| words(&e))?;
    let administering = admin
        .as_ref()
        .map(Admin::local_addr)
        .transpose()
        .map_err(|e| words(&e))?;
    let doors = tokio_util::task::TaskTracker::new();
    doors.spawn(socket::serve(
        operators,
        socket_path,
        Arc::clone(&gateway),
        stop_doors.clone(),
    ));
    doors.spawn(probes.run(stop_doors.clone()));
    if let Some(admin) = admin {
        doors.spawn(admin.run(stop_doors.clone()));
    }
    doors.spawn(Arc::clone(&gateway).watch_links(LINKS_EVERY, LINKS_PATIENCE, stop_doors.clone()));
    doors.spawn(golive_gateway::auth::issuer::watch(
        Arc::clone(&gateway),
        stop_doors.clone(),
    ));
    doors.spawn(golive_gateway::conversations::keep(
        Arc::clone(&gateway),
        stop_doors.clone(),
    ));
    doors.spawn(golive_gateway::conversations::deliver::watch(
        Arc::clone(&gateway),
        stop_doors.clone(),
    ));
    doors.spawn(retain(store.clone(), Arc::clone(&gateway), stop_doors.clone()));
    doors.spawn(reload_on_change(
        path.to_owned(),
        Arc::clone(&gateway),
        changes,
        watch,
        stop_doors.clone(),
    ));
    doors.spawn(listen_to_signals(
        Arc::clone(&gateway),
        stop.clone(),
        changed,
        stop_doors.clone(),
    ));

    if !quiet {
        output::say(&ready_text(
            &config,
            server.tls().is_some(),
            public,
            (probing, administering),
            server.redirects_from(),
            gateway.keyring().is_empty() && gateway.issuers().is_empty(),
        ));
    }
    let drained = server.run(stop, config.server.drain).await;
    stop_doors.cancel();
    doors.close();
    // The doors have nothing to finish but one answer.
    let _ = tokio::time::timeout(Duration::from_secs(1), doors.wait()).await;
    store.close().await;
    if !quiet {
        output::say(&match (drained.in_flight, drained.cut) {
            (0, _) => "golive has stopped; nothing was in progress".to_owned(),
            (n, 0) => format!("golive has stopped; {n} requests in progress were finished"),
            (n, cut) => format!("golive has stopped; of {n} requests in progress {cut} were cut"),
        });
    }
    Ok(exit::OK)
}

/// A core dump would write every secret of the process to the disk, in clear. On Linux other processes of the same user
/// may then not read its memory either.
fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!("core dumps cannot be forbidden ({error}): after a crash secrets may stand in one");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!("the process cannot be made undumpable: {error}");
    }
}

fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(format!(
        "{},hyper=warn,h2=warn,rustls=warn,sqlx=warn",
        config.log.level.as_str()
    ));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A log that was started already stays the one there is.
    let _ = match config.log.format {
        LogFormat::Text => builder.with_ansi(super::coloured()).with_target(false).try_init(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
    };
}

/// First signal: drain. Second: cut. SIGHUP: reload.
async fn listen_to_signals(
    gateway: Arc<Gateway>,
    stop: CancellationToken,
    changed: mpsc::Sender<()>,
    end: CancellationToken,
) {
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hang_up)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        tracing::error!("signals cannot be listened to; only a kill will end this process");
        return;
    };
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            _ = hang_up.recv() => {
                let _ = changed.try_send(());
                continue;
            }
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if stop.is_cancelled() {
            tracing::warn!("second signal: what is in progress is cut");
            gateway.cut.cancel();
        } else {
            tracing::info!("draining: requests in progress are finished; a second signal cuts them");
            stop.cancel();
        }
    }
}

async fn reload_on_change(
    path: std::path::PathBuf,
    gateway: Arc<Gateway>,
    mut changes: mpsc::Receiver<()>,
    watch: Option<golive_config::Watch>,
    end: CancellationToken,
) {
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            change = changes.recv() => if change.is_none() { return },
        }
        match golive_config::load(&path, &ProcessEnvironment) {
            Ok(loaded) => {
                let restart = gateway.runtime().config.needs_restart(&loaded.config);
                if let Some(watch) = &watch {
                    // Also where they are wrong: mended ones must be seen.
                    watch.also(&loaded.config.policies.files);
                }
                match gateway.reload(Arc::new(loaded.config)).await {
                    Ok(()) => tracing::info!("the configuration was reloaded"),
                    Err(error) => {
                        gateway.metrics().reload_failures.inc();
                        tracing::error!(
                            "the configuration was not reloaded, the old one runs on: {}",
                            golive_gateway::upstream::chain_of(&error)
                        );
                    }
                }
                if !restart.is_empty() {
                    tracing::warn!(
                        "these keys changed and wait for a restart: {}",
                        restart.join(", ")
                    );
                }
            }
            Err(error) => {
                gateway.metrics().reload_failures.inc();
                let first = error
                    .mistakes()
                    .and_then(|m| m.iter().find(|m| !m.warning))
                    .map_or_else(
                        || golive_gateway::upstream::chain_of(&error),
                        |m| format!("{}:{}:{}: {}", m.file.display(), m.line, m.column, m.message),
                    );
                tracing::error!(
                    "the configuration was not reloaded, the old one runs on: {first}; `golive config check` shows all"
                );
            }
        }
    }
}

async fn retain(store: Store, gateway: Arc<Gateway>, end: CancellationToken) {
    let mut tick = tokio::time::interval(RETENTION_EVERY);
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            _ = tick.tick() => {}
        }
        let left = store.seals_left();
        if left < SEALS_LOW {
            tracing::error!(
                left,
                "the data keys may seal few more values; run `golive seal rotate`"
            );
        }
        let section = gateway.runtime().config.store.clone();
        let retention = Retention {
            content: section.retention_content,
            ledger: section.retention_ledger,
            tickets: section.retention_tickets,
        };
        match store.retain(retention, golive_store::now_us()).await {
            Ok(done)
                if done.content_cleared
                    + done.rows_deleted
                    + done.tickets_deleted
                    + done.answers_forgotten
                    > 0 =>
            {
                tracing::info!(
                    content = done.content_cleared,
                    rows = done.rows_deleted,
                    tickets = done.tickets_deleted,
                    answers = done.answers_forgotten,
                    "old records were removed"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(
                "old records could not be removed: {}",
                golive_gateway::upstream::chain_of(&error)
            ),
        }
    }
}

/// Where it listens, and a `curl` that works.
fn ready_text(
    config: &Config,
    tls: bool,
    public: std::net::SocketAddr,
    (probing, administering): (std::net::SocketAddr, Option<std::net::SocketAddr>),
    redirecting: Option<std::net::SocketAddr>,
    no_keys: bool,
) -> String {
    let scheme = if tls { "https" } else { "http" };
    let mut text = format!("golive is ready: {scheme}://{public} (probes http://{probing})");
    if let Some(from) = redirecting {
        text.push_str(&format!("\n  http://{from} redirects to TLS and serves nothing"));
    }
    if let Some(address) = administering {
        text.push_str(&format!("\n  operators: http://{address}/admin"));
    }
    if no_keys {
        text.push_str("\n  nobody can call yet: `golive keys create NAME` makes a key");
    }
    let Some(callee) = config
        .agents
        .values()
        .next()
        .or_else(|| config.models.values().next())
    else {
        text.push_str("\n  no agent and no model is configured yet: add [agents.NAME] with a chain");
        return text;
    };
    let key = config
        .keys
        .values()
        .next()
        .and_then(|key| key.secret_source.strip_prefix("env "))
        .map_or_else(
            || "YOUR_KEY".to_owned(),
            |variable| {
                if std::env::var_os(variable).is_some() {
                    format!("${variable}")
                } else {
                    let env = config.file.parent().unwrap_or(Path::new("")).join(".env");
                    format!("$(sed -n 's/^{variable}=//p' {})", env.display())
                }
            },
        );
    let name = &callee.name;
    let (path, body) = match callee.chain[0].upstream.kind {
        UpstreamKind::OpenAi => (
            "/v1/chat/completions".to_owned(),
            format!(r#"{{"model":"{name}","messages":[{{"role":"user","content":"Hello"}}]}}"#),
        ),
        UpstreamKind::Anthropic => (
            "/v1/messages".to_owned(),
            format!(
                r#"{{"model":"{name}","max_tokens":256,"messages":[{{"role":"user","content":"Hello"}}]}}"#
            ),
        ),
        UpstreamKind::Http => {
            let mut body = serde_json::json!({});
            let pointer = callee.pointers.as_ref().map_or("/message", |p| p.input.as_str());
            if let Ok(pointer) = golive_wire::http_agent::Pointer::parse(pointer) {
                // A pointer into an array element has no place in an empty object; the bare object is shown then.
                let _ = pointer.set(&mut body, serde_json::Value::from("Hello"));
            }
            (format!("/agents/{name}"), body.to_string())
        }
    };
    text.push_str(&format!(
        "\n\n  curl {scheme}://{public}{path} \\\n    -H \"Authorization: Bearer {key}\" \\\n    -H 'Content-Type: application/json' \\\n    -d '{body}'\n"
    ));
    text
}

/// Resolves at SIGINT or SIGTERM; never if signals cannot be listened to.
pub async fn until_signal() {
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}
