//! `golive demo`: lab, gateway and proofs as child processes of this binary, each command printed: what it shows is
//! what a user would do.
//!
//! Never: needs a key, a network or a file that is not its own.

mod broken;
mod files;
mod tls;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::cli::Demo;
use crate::exit::{self, Exit};
use crate::output;

/// A child that is not ready by then is not going to be.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The six ports of a demo, from its base up.
#[derive(Clone, Copy, Debug)]
struct Ports {
    lab: u16,
    provider: u16,
    gateway: u16,
    probes: u16,
    redirect: u16,
    admin: u16,
}

impl Ports {
    fn from_base(base: u16) -> Self {
        Self {
            lab: base,
            provider: base + 1,
            gateway: base + 2,
            probes: base + 3,
            redirect: base + 4,
            admin: base + 5,
        }
    }

    fn all(self) -> [u16; 6] {
        [
            self.lab,
            self.provider,
            self.gateway,
            self.probes,
            self.redirect,
            self.admin,
        ]
    }
}

pub async fn run(args: Demo, quiet: bool) -> Exit {
    let ports = Ports::from_base(args.port_base);
    if let Some(taken) = ports.all().into_iter().find(|port| is_taken(*port)) {
        output::error(&format!(
            "port {taken} is taken by another process (an earlier demo perhaps); choose others with --port-base, as in --port-base {}",
            if args.port_base < 60_000 {
                args.port_base + 100
            } else {
                9100
            }
        ));
        return exit::USAGE;
    }
    let binary = match std::env::current_exe() {
        Ok(binary) => binary,
        Err(error) => {
            output::error(&format!("cannot find this binary to start it again: {error}"));
            return exit::FAILED;
        }
    };
    if let Err(why) = files::write(&args.dir, ports, &binary) {
        output::error(&why);
        return exit::FAILED;
    }
    let mut stage = Stage {
        binary,
        dir: args.dir.clone(),
        quiet,
        children: Vec::new(),
    };
    let shown = tokio::select! {
        shown = show(&mut stage, &args, ports) => shown,
        () = super::serve::until_signal() => Ok(exit::INTERRUPTED),
    };
    stage.strike().await;
    match shown {
        Ok(code) => code,
        Err(why) => {
            output::error(&why);
            exit::FAILED
        }
    }
}

async fn show(stage: &mut Stage, args: &Demo, ports: Ports) -> Result<Exit, String> {
    let config = args.dir.join("golive.toml");
    let config = config.display().to_string();
    stage.say(&format!(
        "wrote {config} (scaled numbers: 20 requests per 10 s instead of 100 per hour, clocks of seconds)"
    ));

    let listen = format!("127.0.0.1:{}", ports.lab);
    let provider = format!("{}=127.0.0.1:{}", files::PROVIDER, ports.provider);
    stage.start(
        "lab",
        &["lab", "--listen", &listen, "--seed", "1", "--provider", &provider],
    )?;
    stage.wait_for("lab", ports.lab, "/_lab/health").await?;

    stage.start("serve", &["serve", "--config", &config])?;
    stage.wait_for("serve", ports.probes, "/readyz").await?;

    let key = stage.revocable_key(&config).await?;
    let out = args.dir.join("report").display().to_string();
    let check = [
        "check",
        "--config",
        &config,
        "--target",
        "demo",
        "--keep-going",
        "--demo",
        "--out",
        &out,
    ];
    let code = stage.run(&check, &key).await?;

    stage.say(&format!(
        "\nreport   {out}/check.html and {out}/check.json\ngateway  https://localhost:{}  (health and metrics: http://127.0.0.1:{})\nlab      http://127.0.0.1:{}/_lab/timeline\nlogs     {}/lab.log, {}/serve.log",
        ports.gateway,
        ports.probes,
        ports.lab,
        args.dir.display(),
        args.dir.display(),
    ));
    if args.exit {
        return Ok(Exit(code));
    }
    stage.say(&format!(
        "\nEverything stays up: try `golive ledger --config {config}`, or send a request of your own:\n\n  curl --cacert {}/tls/ca.pem https://localhost:{}/v1/chat/completions \\\n    -H \"Authorization: Bearer $(sed -n 's/^GOLIVE_DEMO_USER_KEY=//p' {}/.env)\" \\\n    -H 'Content-Type: application/json' \\\n    -d '{{\"model\":\"support\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n\nCtrl-C ends it.",
        args.dir.display(),
        ports.gateway,
        args.dir.display(),
    ));
    super::serve::until_signal().await;
    Ok(exit::OK)
}

fn is_taken(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_err()
}

/// The children of a demo.
struct Stage {
    binary: std::path::PathBuf,
    dir: std::path::PathBuf,
    quiet: bool,
    children: Vec<(String, Child)>,
}

impl Stage {
    fn say(&self, text: &str) {
        if !self.quiet {
            output::say(text);
        }
    }

    fn announce(&self, args: &[&str]) {
        self.say(&format!("\n$ golive {}", args.join(" ")));
    }

    /// Starts a child that stays; what it says goes into a log of its own.
    fn start(&mut self, name: &str, args: &[&str]) -> Result<(), String> {
        self.announce(args);
        let log = self.dir.join(format!("{name}.log"));
        let file = std::fs::File::create(&log).map_err(|e| format!("cannot write {}: {e}", log.display()))?;
        let child = Command::new(&self.binary)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("cannot start golive {name}: {e}"))?;
        self.children.push((name.to_owned(), child));
        Ok(())
    }

    /// Waits until a child answers a probe with success, or says how it ended.
    async fn wait_for(&mut self, name: &str, port: u16, path: &str) -> Result<(), String> {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        let patience = tokio::time::sleep(READY_WITHIN);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                () = &mut patience => return Err(format!("golive {name} was not ready within {} s; see {}", READY_WITHIN.as_secs(), self.log_of(name))),
                _ = look.tick() => {}
            }
            if answers(port, path).await {
                return Ok(());
            }
            for (child_name, child) in &mut self.children {
                if child_name == name
                    && let Ok(Some(status)) = child.try_wait()
                {
                    let said =
                        std::fs::read_to_string(self.dir.join(format!("{name}.log"))).unwrap_or_default();
                    return Err(format!("golive {name} ended ({status}):\n{}", said.trim_end()));
                }
            }
        }
    }

    /// Makes the key that the proofs will revoke. One that an interrupted demo left behind is revoked first.
    async fn revocable_key(&mut self, config: &str) -> Result<String, String> {
        let create = ["keys", "create", files::REVOCABLE, "--config", config];
        self.announce(&create);
        let mut made = self.output_of(&create).await?;
        if !made.status.success() {
            self.output_of(&["keys", "revoke", files::REVOCABLE, "--config", config])
                .await?;
            made = self.output_of(&create).await?;
        }
        if !made.status.success() {
            return Err(format!(
                "golive keys create failed: {}",
                String::from_utf8_lossy(&made.stderr).trim_end()
            ));
        }
        Ok(String::from_utf8_lossy(&made.stdout).trim().to_owned())
    }

    async fn output_of(&self, args: &[&str]) -> Result<std::process::Output, String> {
        Command::new(&self.binary)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|e| format!("cannot start golive {}: {e}", args[0]))
    }

    /// Runs the proofs to their end, on this terminal. `revocable`: the key they may revoke.
    async fn run(&mut self, args: &[&str], revocable: &str) -> Result<u8, String> {
        self.announce(args);
        let mut command = Command::new(&self.binary);
        command
            .env(files::REVOCABLE_KEY, revocable)
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if self.quiet {
            command.arg("--quiet");
        }
        let status = command
            .status()
            .await
            .map_err(|e| format!("cannot start golive {}: {e}", args[0]))?;
        Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(exit::FAILED.0))
    }

    fn log_of(&self, name: &str) -> String {
        self.dir.join(format!("{name}.log")).display().to_string()
    }

    /// Ends the children in the order that lets the gateway drain into a lab that still answers.
    async fn strike(&mut self) {
        while let Some((_, mut child)) = self.children.pop() {
            if let Some(pid) = child
                .id()
                .and_then(|pid| i32::try_from(pid).ok())
                .and_then(rustix::process::Pid::from_raw)
            {
                // It may have ended by itself, by the same Ctrl-C.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            if tokio::time::timeout(Duration::from_secs(8), child.wait())
                .await
                .is_err()
            {
                let _ = child.kill().await;
            }
        }
    }
}

/// Whether a GET is answered with a 2xx.
async fn answers(port: u16, path: &str) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream
            .write_all(
                format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes(),
            )
            .await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        Ok::<_, std::io::Error>(head.starts_with(b"HTTP/1.1 2"))
    };
    matches!(
        tokio::time::timeout(Duration::from_secs(1), ask).await,
        Ok(Ok(true))
    )
}

/// Whether a folder is a demo's own, or new.
fn is_ours(dir: &Path) -> bool {
    !dir.exists()
        || dir.join(files::MARK).exists()
        || std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}
