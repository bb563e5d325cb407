//! S3.urls: addresses in image and file parts that lead to where no caller may send a program: the machine itself, the
//! network it stands in, other protocols. The lab's own address is the canary: nobody may load it.
//!
//! Never: an address of anybody's real service.

use golive_checklist::judge::Scored;
use golive_lab::Query;
use golive_lab::client::LabClient;

use super::inside::{Place, Planted};
use crate::ctx::Ctx;

/// Whose timeline shows who loaded the canary.
const WEB: &str = "web-s3";

pub(super) fn cases(lab: &LabClient) -> Vec<Planted> {
    let canary = lab.bait_url(WEB, "picture.png");
    let mut cases: Vec<Planted> = Vec::new();
    let mut add = |id: &str, what: &'static str, url: String, place: fn(String) -> Place| {
        cases.push(Planted {
            id: id.to_owned(),
            what,
            traces: vec![url.clone()],
            place: place(url),
        });
    };
    add("canary", "the lab's own address", canary.clone(), Place::Image);
    let authority = canary.split('/').nth(2).unwrap_or("127.0.0.1").to_owned();
    add(
        "canary-user",
        "the lab's address behind another name",
        format!("http://example.com@{authority}/{WEB}/bait/user.png"),
        Place::Image,
    );
    let redirect = lab.page_url(WEB, "../redirected").replace("/pages/../", "/");
    add("canary-path", "another path of the lab", redirect, Place::Image);
    for (id, what, url) in ADDRESSES {
        add(id, what, (*url).to_owned(), Place::Image);
    }
    for (id, what, url) in ADDRESSES
        .iter()
        .filter(|(id, ..)| ["metadata", "loopback", "file"].contains(id))
    {
        add(
            &format!("{id}, as a document"),
            what,
            (*url).to_owned(),
            Place::Document,
        );
    }
    add(
        "canary, as a document",
        "the lab's own address",
        canary,
        Place::Document,
    );
    cases
}

/// Paths of the canary that were loaded.
pub(super) async fn fetched(ctx: &Ctx) -> Vec<String> {
    let query = Query {
        provider: Some(WEB.to_owned()),
        brief: true,
        ..Query::default()
    };
    match ctx.timeline(&query).await {
        Scored::Scored(page) => page.arrivals.into_iter().map(|arrival| arrival.path).collect(),
        Scored::Unscored(_) => Vec::new(),
    }
}

const ADDRESSES: &[(&str, &str, &str)] = &[
    ("loopback", "the machine itself", "http://127.0.0.1:9/a.png"),
    (
        "loopback-name",
        "the machine itself by name",
        "https://localhost/a.png",
    ),
    (
        "loopback-dot",
        "the name with a dot at its end",
        "https://localhost./a.png",
    ),
    (
        "loopback-short",
        "the machine itself, short",
        "http://127.1/a.png",
    ),
    (
        "loopback-number",
        "the machine itself as one number",
        "http://2130706433/a.png",
    ),
    (
        "loopback-hex",
        "the machine itself in hex",
        "http://0x7f000001/a.png",
    ),
    (
        "loopback-octal",
        "the machine itself in octal",
        "http://0177.0.0.1/a.png",
    ),
    ("loopback-v6", "the machine itself, IPv6", "https://[::1]/a.png"),
    (
        "loopback-mapped",
        "the machine itself, mapped",
        "https://[::ffff:127.0.0.1]/a.png",
    ),
    ("any", "no address at all", "http://0.0.0.0/a.png"),
    (
        "metadata",
        "the metadata service of clouds",
        "http://169.254.169.254/latest/meta-data/",
    ),
    (
        "metadata-name",
        "the metadata service by name",
        "http://metadata.google.internal/computeMetadata/v1/",
    ),
    ("private-10", "a private network", "https://10.0.0.1/a.png"),
    ("private-172", "a private network", "https://172.16.0.1/a.png"),
    ("private-192", "a private network", "https://192.168.1.1/a.png"),
    ("private-v6", "a private network, IPv6", "https://[fd00::1]/a.png"),
    ("link-local", "the link, IPv6", "https://[fe80::1]/a.png"),
    ("carrier", "a carrier's private range", "https://100.64.0.1/a.png"),
    ("file", "a file of the machine", "file:///etc/passwd"),
    ("gopher", "another protocol", "gopher://127.0.0.1:6379/_INFO"),
    ("ftp", "another protocol", "ftp://127.0.0.1/a.png"),
];
