//! nginx as a plain reverse proxy: one worker, connections kept to both sides, no log. What a gateway costs is told
//! against it.
//!
//! Never: the system's configuration, ports or folders; it runs from a temporary folder.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::child::{self, Server};
use crate::{Failed, words};

/// Where Debian puts it; not in every user's search path.
const DEBIAN: &str = "/usr/sbin/nginx";

/// An nginx that runs.
#[derive(Debug)]
pub struct Nginx {
    /// Its master process.
    pub server: Server,
    /// Where it proxies answers through its buffers: its default.
    pub buffered: SocketAddr,
    /// Where it does not: for streams.
    pub unbuffered: SocketAddr,
    _folder: TempDir,
}

/// The nginx of this machine, if there is one.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("nginx"));
    in_path.chain([PathBuf::from(DEBIAN)]).find(|file| file.is_file())
}

impl Nginx {
    /// Starts one and waits until it listens.
    pub async fn start(binary: &Path, pin: Option<u16>, upstream: SocketAddr) -> Result<Self, Failed> {
        let folder = tempfile::Builder::new().prefix("golive-bench-nginx-").tempdir()?;
        let (buffered, unbuffered) = (child::free_address()?, child::free_address()?);
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config(folder.path(), buffered, unbuffered, upstream))?;
        let mut command = child::command(binary, pin);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
        let mut server = Server::spawn(&mut command, &folder.path().join("stderr.log"))?;
        for address in [buffered, unbuffered] {
            let accepts = server.accepts(address).await;
            accepts.map_err(|error| format!("nginx: {}", words(&*error)))?;
        }
        Ok(Self {
            server,
            buffered,
            unbuffered,
            _folder: folder,
        })
    }
}

fn config(folder: &Path, buffered: SocketAddr, unbuffered: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    // The temporary paths are never written to, but nginx makes them at its start, by default where only root may.
    format!(
        r#"daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout 1h;
    upstream lab {{
        server {upstream};
        keepalive 256;
        keepalive_requests 100000000;
    }}
    server {{
        listen {buffered};
        location / {{ proxy_pass http://lab; }}
    }}
    server {{
        listen {unbuffered};
        location / {{ proxy_pass http://lab; proxy_buffering off; }}
    }}
}}
"#
    )
}
