//! E1: the shapes of the inside: texts, names, and the shapes of single words.
//!
//! Never: holds a shape that a message for people has, too.

pub(super) type Is = fn(&str) -> bool;

/// By a text as it stands.
pub(super) const EXACT: &[(&str, &[&str])] = &[
    (
        "a stack trace",
        &[
            "Traceback (most recent",
            "Stack trace:",
            "stack backtrace",
            "\n    at ",
            " at Object.",
            "at java.",
            "at System.",
        ],
    ),
    (
        "a frame of a stack",
        &[
            "\", line ",
            "goroutine ",
            ":in `",
            ".call(Unknown",
            "--- End of inner exception",
        ],
    ),
    (
        "a panic",
        &[
            "panicked at",
            "RUST_BACKTRACE",
            "PHP Fatal",
            "PHP Warning",
            "Segmentation fault",
            "core dumped",
        ],
    ),
    (
        "an error of the system",
        &[
            "ECONNREFUSED",
            "ECONNRESET",
            "ETIMEDOUT",
            "ENOTFOUND",
            "EHOSTUNREACH",
            "EPIPE",
            "ENOENT",
            "os error ",
            "Errno ",
            "errno ",
        ],
    ),
    (
        "SQL",
        &[
            "SELECT ",
            "INSERT INTO ",
            "UPDATE \"",
            "DELETE FROM ",
            "SQLSTATE",
            "ORA-0",
            "pg_",
        ],
    ),
    (
        "the address of a database",
        &[
            "postgres://",
            "postgresql://",
            "mysql://",
            "redis://",
            "mongodb://",
            "amqp://",
            "sqlite://",
        ],
    ),
    (
        "a key",
        &["Bearer ", "sk-proj-", "sk-ant-", "AKIA", "AIza", "-----BEGIN"],
    ),
    (
        "a page of HTML",
        &["<html", "<!doctype", "<!DOCTYPE", "<body", "<pre>"],
    ),
    (
        "an unfilled template",
        &["{{", "${", "%s", "%(", "[object Object]", "undefined", "NoneType"],
    ),
    (
        "a dump of a request",
        &[
            "\"messages\":",
            "'messages':",
            "\"max_tokens\"",
            "\"role\":",
            "'role':",
            "max_retries",
        ],
    ),
    (
        "a resource of a cloud",
        &["arn:aws:", "projects/", "subscriptions/"],
    ),
    (
        "the lab's own words",
        &[
            "the lab was told",
            "lab_fault",
            "glv-inside-",
            "from the lab's edge",
        ],
    ),
];

/// By a text, whatever its case.
pub(super) const FOLDED: &[(&str, &[&str])] = &[
    (
        "an error of the network",
        &[
            "connection refused",
            "connection reset",
            "broken pipe",
            "getaddrinfo",
            "name or service not known",
            "dns error",
            "no route to host",
            "certificate verify failed",
            "tls handshake",
            "ssl: ",
            "socket hang up",
            "unexpected eof",
            "error sending request",
        ],
    ),
    (
        "an error of a parser",
        &[
            "unexpected token",
            "expecting value: line",
            "json decode",
            "jsondecode",
            "at line 1 column",
            "invalid literal for",
            "failed to deserialize",
            "unmarshal",
        ],
    ),
    (
        "an error of a database",
        &[
            "psycopg",
            "sqlalchemy",
            "sqlite3",
            "syntax error at or near",
            "duplicate key value",
            "deadlock detected",
            "too many connections",
        ],
    ),
    (
        "the name of a library",
        &[
            "gunicorn",
            "uvicorn",
            "werkzeug",
            "aiohttp",
            "httpx",
            "urllib3",
            "axios",
            "hyper::",
            "reqwest",
            "tokio",
            "okhttp",
            "node-fetch",
            "langchain",
            "litellm",
            "llama_index",
        ],
    ),
    (
        "the name of a server",
        &[
            "nginx/",
            "openresty",
            "apache/",
            "cloudflare",
            "envoy",
            "istio",
            "traefik",
            "haproxy",
            "kubernetes",
        ],
    ),
    (
        "a framework's page",
        &[
            "whitelabel error page",
            "django",
            "flask",
            "debug = true",
            "debug=true",
            "laravel",
            "fastapi",
        ],
    ),
    (
        "a header of a request",
        &[
            "authorization:",
            "x-api-key",
            "user-agent:",
            "api_key",
            "apikey",
            "set-cookie",
        ],
    ),
    (
        "a name within a cluster",
        &[
            ".svc.cluster",
            "cluster.local",
            ".internal:",
            ".internal/",
            ".local:",
            "localhost",
            ".corp:",
            ".lan:",
        ],
    ),
    (
        "a place within a process",
        &["0x00007f", "thread '", "thread-", "pid=", "worker-"],
    ),
];

/// Makers and carriers of models: a caller need not know which one is down.
pub(super) const PROVIDERS: &[&str] = &[
    "openai",
    "anthropic",
    "azure",
    "bedrock",
    "vertex",
    "gemini",
    "mistral",
    "cohere",
    "groq",
    "vllm",
    "ollama",
    "deepseek",
    "huggingface",
    "replicate",
    "openrouter",
    "fireworks",
    "perplexity",
    "portkey",
    "sagemaker",
    "watsonx",
];

/// By the shape of one word.
pub(super) const WORDS: &[(&str, Is)] = &[
    ("the path of a file", is_path),
    ("a place in source code", is_source_place),
    ("an address", is_address),
    ("a URL of the inside", is_inner_url),
    ("the name of an exception", is_exception),
    ("the name of a variable", is_variable),
    ("the name of a model", is_model),
    ("the name of a pod", is_pod),
    ("a place in memory", is_memory),
    ("a module's path", is_module),
];

fn is_path(word: &str) -> bool {
    const ROOTS: &[&str] = &[
        "/home/",
        "/usr/",
        "/var/",
        "/srv/",
        "/opt/",
        "/app/",
        "/etc/",
        "/tmp/",
        "/root/",
        "/proc/",
        "/mnt/",
        "/build/",
        "/workspace/",
        "/Users/",
        "./src/",
        "node_modules/",
        "site-packages/",
        "~/",
    ];
    let windows = word.len() > 3 && word.as_bytes()[0].is_ascii_alphabetic() && word[1..].starts_with(":\\");
    windows || ROOTS.iter().any(|root| word.contains(root))
}

/// `app.py:12`, `main.rs`.
fn is_source_place(word: &str) -> bool {
    const ENDS: &[&str] = &[
        "py", "js", "ts", "go", "rs", "java", "rb", "php", "cs", "cpp", "kt", "scala", "ex",
    ];
    let file = word.split(':').next().unwrap_or(word);
    file.rsplit_once('.').is_some_and(|(name, end)| {
        ENDS.contains(&end) && name.chars().next().is_some_and(char::is_alphanumeric)
    })
}

/// `10.0.0.1`, `[::1]:80`, `db:5432`, `api.example.net:8443`.
fn is_address(word: &str) -> bool {
    if word.parse::<std::net::IpAddr>().is_ok() || word.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    let after_scheme = word.rsplit("://").next().unwrap_or(word);
    let host_and_port = after_scheme.split('/').next().unwrap_or(after_scheme);
    host_and_port.rsplit_once(':').is_some_and(|(host, port)| {
        let named = host.chars().any(|c| c.is_ascii_alphabetic());
        let plain = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        // `Mon:10` is a time of opening; a port of two digits needs a host that is one.
        let is_port = port.chars().all(|c| c.is_ascii_digit()) && (2..=5).contains(&port.len());
        named && plain && is_port && (port.len() >= 4 || host.contains(['.', '-']))
    })
}

/// A link for people is fine; an address in clear or with a machine's name is not.
fn is_inner_url(word: &str) -> bool {
    word.strip_prefix("http://").is_some() || word.contains("://api.") || word.starts_with("unix:")
}

/// `ConnectionError`, `java.lang.NullPointerException`: two capitals and the ending.
fn is_exception(word: &str) -> bool {
    let last = word
        .rsplit(['.', ':'])
        .find(|part| !part.is_empty())
        .unwrap_or(word);
    let ending = ["Error", "Exception", "Timeout", "Fault", "Panic"]
        .iter()
        .find(|ending| last.ends_with(**ending) && last.len() > ending.len());
    ending.is_some()
        && last.chars().all(|c| c.is_ascii_alphanumeric())
        && last.chars().next().is_some_and(|c| c.is_ascii_uppercase())
        && last.chars().filter(|c| c.is_ascii_uppercase()).count() >= 2
}

/// `OPENAI_API_KEY`.
fn is_variable(word: &str) -> bool {
    word.len() >= 8
        && word.contains('_')
        && word
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn is_model(word: &str) -> bool {
    const FAMILIES: &[&str] = &[
        "gpt-",
        "claude-",
        "llama-",
        "mixtral-",
        "gemini-",
        "command-r",
        "o1-",
        "o3-",
        "qwen",
    ];
    let lower = word.to_ascii_lowercase();
    FAMILIES.iter().any(|family| {
        lower
            .strip_prefix(family)
            .is_some_and(|rest| rest.chars().any(|c| c.is_ascii_digit()))
    })
}

/// `api-6d5f7c9b48-x2x9q`.
fn is_pod(word: &str) -> bool {
    let mut parts = word.rsplit('-');
    let (Some(last), Some(hash), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let lower = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let digit = |text: &str| text.chars().any(|c| c.is_ascii_digit());
    last.len() == 5
        && (8..=10).contains(&hash.len())
        && lower(last)
        && lower(hash)
        && digit(last)
        && digit(hash)
}

fn is_memory(word: &str) -> bool {
    word.strip_prefix("0x")
        .is_some_and(|rest| rest.len() >= 6 && rest.chars().all(|c| c.is_ascii_hexdigit()))
}

/// `crate::module::function`, `com.example.agent.Client`.
fn is_module(word: &str) -> bool {
    let rust = word.matches("::").count() >= 1
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
    let java = ["com.", "org.", "io.", "net."]
        .iter()
        .any(|root| word.starts_with(root))
        && word.matches('.').count() >= 3;
    (rust && word.parse::<std::net::IpAddr>().is_err()) || java
}
