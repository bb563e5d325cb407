//! S7: in transit, against testssl.sh: two programs that share no code look at ten servers, made by nginx, by OpenSSL and
//! by rustls, and must say the same of every protocol version and every fault of a certificate.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use golive_checklist::{CheckReport, ItemId};
use golive_config::{Target, TargetFormat};
use golive_prover::{CheckOptions, Selection, check};
use rustls::version;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::tls_twin::{Leaf, Made, Shape, TlsTwin, certified};
use crate::world::part;

/// testssl.sh is a shell script that waits much: more at a time than there are cores.
const AT_ONCE: usize = 4;

/// One server: where it listens, whom to believe, and what it is.
struct Server {
    what: &'static str,
    port: u16,
    ca: std::path::PathBuf,
    versions: &'static [&'static str],
    faults: &'static [&'static str],
}

/// What one program says of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    versions: BTreeSet<String>,
    faults: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts testssl.sh, nginx and openssl: `cargo xtask test` installs them"]
async fn it_agrees_with_testssl_on_ten_servers() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (mut servers, _children) = of_programs(dir);
    let (mut of_rustls, _twins) = of_rustls().await;
    servers.append(&mut of_rustls);
    assert_eq!(servers.len(), 10);
    for server in &servers {
        wait_for(server.port).await;
    }
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = tokio::task::JoinSet::new();
    for (at, server) in servers.into_iter().enumerate() {
        let (places, out) = (Arc::clone(&places), dir.join(format!("{at}.json")));
        asked.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let theirs = testssl(&server, &out).await;
            let ours = golive(&server).await;
            (server, theirs, ours)
        });
    }
    let mut wrong = Vec::new();
    while let Some(one) = asked.join_next().await {
        let (server, theirs, ours) = one.unwrap();
        let known = Said {
            versions: server.versions.iter().map(ToString::to_string).collect(),
            faults: server.faults.iter().map(ToString::to_string).collect(),
        };
        if theirs != ours || ours != known {
            wrong.push(format!(
                "{}:\n  made as   {known:?}\n  testssl   {theirs:?}\n  golive    {ours:?}",
                server.what
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Its name, its certificate, its protocols, and the versions and faults it was made with.
type Nginx = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// Its name, its arguments, its certificate, and the versions and faults it was made with.
type Openssl = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The five servers of nginx and the three of `openssl s_server`. They end when the children are dropped.
fn of_programs(dir: &Path) -> (Vec<Server>, Vec<Killed>) {
    write(dir, "good", &certified(&Leaf::default(), true, false));
    write(dir, "alone", &certified(&Leaf::default(), false, false));
    let past = Leaf {
        from: (2020, 1, 1),
        until: (2021, 1, 1),
        ..Leaf::default()
    };
    write(dir, "past", &certified(&past, true, false));
    let other = Leaf {
        names: vec!["other.example"],
        ..Leaf::default()
    };
    write(dir, "other", &certified(&other, true, false));
    openssl_pki(dir);

    let mut servers = Vec::new();
    let mut blocks = String::new();
    let nginx: [Nginx; 5] = [
        (
            "nginx, as it should be",
            "good",
            "TLSv1.2 TLSv1.3",
            &["TLS 1.2", "TLS 1.3"],
            &[],
        ),
        (
            "nginx, everything it can",
            "good",
            "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
            &["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"],
            &[],
        ),
        ("nginx, run out", "past", "TLSv1.3", &["TLS 1.3"], &["expired"]),
        (
            "nginx, for another name",
            "other",
            "TLSv1.2 TLSv1.3",
            &["TLS 1.2", "TLS 1.3"],
            &["wrong_name"],
        ),
        (
            "nginx, without its intermediate",
            "alone",
            "TLSv1.2",
            &["TLS 1.2"],
            &["incomplete"],
        ),
    ];
    for (what, files, protocols, versions, faults) in nginx {
        let port = free_port();
        blocks.push_str(&format!(
            "server {{ listen 127.0.0.1:{port} ssl; server_name localhost; ssl_certificate {files}.pem; \
             ssl_certificate_key {files}.key; ssl_protocols {protocols}; ssl_ciphers ALL:@SECLEVEL=0; \
             return 404; }}\n"
        ));
        servers.push(Server {
            what,
            port,
            ca: dir.join(format!("{files}.ca")),
            versions,
            faults,
        });
    }
    let mut children = vec![nginx_at(dir, &blocks)];
    let openssl: [Openssl; 3] = [
        (
            "openssl, TLS 1.1 and a key of 1024 bits",
            &[
                "-tls1_1",
                "-cert",
                "weak.pem",
                "-cert_chain",
                "rsa-inter.pem",
                "-key",
                "weak.key",
            ],
            "rsa-root.pem",
            &["TLS 1.1"],
            &["weak_key"],
        ),
        (
            "openssl, TLS 1.0 and SHA-1",
            &[
                "-tls1",
                "-cert",
                "sha1.pem",
                "-cert_chain",
                "rsa-inter.pem",
                "-key",
                "sha1.key",
            ],
            "rsa-root.pem",
            &["TLS 1.0"],
            &["weak_signature"],
        ),
        (
            "openssl, signed by itself",
            &["-tls1_2", "-cert", "self.pem", "-key", "self.key"],
            "rsa-root.pem",
            &["TLS 1.2"],
            &["self_signed"],
        ),
    ];
    for (what, words, ca, versions, faults) in openssl {
        let port = free_port();
        let mut command = program("GOLIVE_TEST_OPENSSL", "openssl");
        command
            .args([
                "s_server",
                "-www",
                "-quiet",
                "-cipher",
                "ALL:@SECLEVEL=0",
                "-accept",
            ])
            .arg(format!("127.0.0.1:{port}"))
            .args(words)
            .current_dir(dir);
        children.push(start(command));
        servers.push(Server {
            what,
            port,
            ca: dir.join(ca),
            versions,
            faults,
        });
    }
    (servers, children)
}

async fn of_rustls() -> (Vec<Server>, Vec<TlsTwin>) {
    let newest = TlsTwin::start(Shape::default()).await;
    let today = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date();
    let until = today.checked_add(jiff::Span::new().days(12)).unwrap();
    let soon = TlsTwin::start(Shape {
        versions: vec![&version::TLS12, &version::TLS13],
        leaf: Leaf {
            until: (i32::from(until.year()), until.month() as u8, until.day() as u8),
            ..Leaf::default()
        },
        ..Shape::default()
    })
    .await;
    let server = |what, twin: &TlsTwin, versions, faults| Server {
        what,
        port: twin.addr.port(),
        ca: twin.ca(),
        versions,
        faults,
    };
    let servers = vec![
        server("rustls, TLS 1.3 alone", &newest, &["TLS 1.3"][..], &[][..]),
        server(
            "rustls, soon to run out",
            &soon,
            &["TLS 1.2", "TLS 1.3"],
            &["expires_soon"],
        ),
    ];
    (servers, vec![newest, soon])
}

/// What testssl.sh says, in this test's words.
async fn testssl(server: &Server, out: &Path) -> Said {
    let mut command = tokio::process::Command::from(program("GOLIVE_TEST_TESTSSL", "testssl"));
    command
        .args([
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "--nodns",
            "none",
            "--ip",
            "127.0.0.1",
        ])
        .args(["-p", "-S", "--add-ca"])
        .arg(&server.ca)
        .arg("--jsonfile")
        .arg(out)
        .arg(format!("localhost:{}", server.port))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = command.output().await.expect("testssl.sh is installed");
    let text = fs::read_to_string(out).unwrap_or_default();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!(
            "{}: {error}: {}",
            server.what,
            String::from_utf8_lossy(&output.stdout)
        )
    });
    let mut said = Said {
        versions: BTreeSet::new(),
        faults: BTreeSet::new(),
    };
    for row in &rows {
        let field = |name: &str| row[name].as_str().unwrap_or_default();
        // Several certificates of one server carry a number behind their id.
        let id = field("id").split(' ').next().unwrap_or_default();
        let (severity, finding) = (field("severity"), field("finding"));
        let version = match id {
            "SSLv2" => Some("SSL 2"),
            "SSLv3" => Some("SSL 3"),
            "TLS1" => Some("TLS 1.0"),
            "TLS1_1" => Some("TLS 1.1"),
            "TLS1_2" => Some("TLS 1.2"),
            "TLS1_3" => Some("TLS 1.3"),
            _ => None,
        };
        if let Some(version) = version.filter(|_| finding.starts_with("offered")) {
            said.versions.insert(version.to_owned());
        }
        let bad = matches!(severity, "MEDIUM" | "HIGH" | "CRITICAL");
        let fault = match id {
            "cert_expirationStatus" if finding.contains("expired") => "expired",
            "cert_expirationStatus" if finding.contains("expires < 30 days") => "expires_soon",
            "cert_keySize" if bad => "weak_key",
            "cert_signatureAlgorithm" if bad => "weak_signature",
            "cert_trust" if finding.contains("does not match") => "wrong_name",
            "cert_chain_of_trust" if finding.contains("self signed CA in chain") => "unknown_authority",
            "cert_chain_of_trust" if finding.contains("self signed") => "self_signed",
            "cert_chain_of_trust" if finding.contains("chain incomplete") => "incomplete",
            _ => continue,
        };
        said.faults.insert(fault.to_owned());
    }
    assert!(
        rows.iter()
            .any(|row| row["id"] == "cert_trust" || row["id"] == "cert_trust <cert#1>"),
        "{}: testssl.sh did not get to the certificate: {text}",
        server.what
    );
    said
}

/// What golive says, in the same words.
async fn golive(server: &Server) -> Said {
    let url = format!("https://localhost:{}/v1", server.port).parse().unwrap();
    let mut target = Target::bare("server", url, TargetFormat::OpenAi);
    target.ca_file = Some(server.ca.clone());
    let mut options = CheckOptions::new(Arc::new(target), 7);
    options.selection = Selection {
        items: vec![ItemId::S7],
        phases: Vec::new(),
    };
    let report: CheckReport = check(options, CancellationToken::new()).await.unwrap().report;
    let list = |id: &str, name: &str| -> BTreeSet<String> {
        let value = part(&report, id).measured.get(name).cloned();
        let all = value
            .and_then(|value| value.as_array().cloned())
            .unwrap_or_default();
        all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let faults = ["S7.key", "S7.trust", "S7.name"].map(|id| list(id, "faults"));
    Said {
        versions: list("S7.versions", "spoken"),
        faults: faults.into_iter().flatten().collect(),
    }
}

fn write(dir: &Path, name: &str, made: &Made) {
    let pem = |der: &[u8]| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    };
    let chain: String = made.chain.iter().map(|der| pem(der)).collect();
    fs::write(dir.join(format!("{name}.pem")), chain).unwrap();
    fs::write(dir.join(format!("{name}.key")), made.key.serialize_pem()).unwrap();
    fs::write(dir.join(format!("{name}.ca")), &made.root_pem).unwrap();
}

/// What rcgen does not make: short keys and SHA-1.
fn openssl_pki(dir: &Path) {
    let run = |words: &[&str]| {
        let mut command = program("GOLIVE_TEST_OPENSSL", "openssl");
        let output = command
            .args(words)
            .current_dir(dir)
            .output()
            .expect("openssl is installed");
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let extensions = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
    extensions(
        "ca.ext",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
    );
    extensions(
        "leaf.ext",
        "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nkeyUsage=critical,digitalSignature,keyEncipherment\n",
    );
    let request = |name: &str, subject: &str, bits: &str| {
        let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
        run(&[
            "req", "-newkey", bits, "-nodes", "-subj", subject, "-keyout", &key, "-out", &csr,
        ]);
    };
    let sign = |name: &str, by: &str, hash: &str, ext: &str| {
        let (csr, pem) = (format!("{name}.csr"), format!("{name}.pem"));
        let (ca, key) = (format!("{by}.pem"), format!("{by}.key"));
        run(&[
            "x509",
            "-req",
            "-in",
            &csr,
            "-CA",
            &ca,
            "-CAkey",
            &key,
            "-CAcreateserial",
            "-days",
            "365",
            hash,
            "-extfile",
            ext,
            "-out",
            &pem,
        ]);
    };
    run(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "3650",
        "-sha256",
        "-subj",
        "/CN=twin rsa root",
        "-addext",
        "keyUsage=critical,keyCertSign",
        "-keyout",
        "rsa-root.key",
        "-out",
        "rsa-root.pem",
    ]);
    request("rsa-inter", "/CN=twin rsa intermediate", "rsa:2048");
    sign("rsa-inter", "rsa-root", "-sha256", "ca.ext");
    request("weak", "/CN=localhost", "rsa:1024");
    sign("weak", "rsa-inter", "-sha256", "leaf.ext");
    request("sha1", "/CN=localhost", "rsa:2048");
    sign("sha1", "rsa-inter", "-sha1", "leaf.ext");
    run(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "365",
        "-sha256",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "keyUsage=critical,digitalSignature,keyEncipherment",
        "-keyout",
        "self.key",
        "-out",
        "self.pem",
    ]);
}

fn nginx_at(dir: &Path, blocks: &str) -> Killed {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", dir.display()))
        .collect();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {0}/nginx.pid;\nerror_log {0}/nginx.log;\nevents {{}}\nhttp {{\n\
         access_log off;\n{temporary}{blocks}}}\n",
        dir.display()
    );
    fs::write(dir.join("nginx.conf"), config).unwrap();
    let mut command = program("GOLIVE_TEST_NGINX", "nginx");
    command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf"));
    start(command)
}

/// A child that is killed when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(mut command: Command) -> Killed {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Killed(child)
}

fn program(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()))
}

/// A port that was free a moment ago: nginx and openssl cannot be handed a listener.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn wait_for(port: u16) {
    let mut look_again = tokio::time::interval(Duration::from_millis(50));
    let listens = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            look_again.tick().await;
        }
    };
    let listens = tokio::time::timeout(Duration::from_secs(30), listens).await;
    assert!(listens.is_ok(), "nothing listens at port {port}");
}
