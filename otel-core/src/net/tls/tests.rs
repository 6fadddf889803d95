use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{TlsClient, TlsClientConfig, TlsServer, TlsServerConfig, TlsVersion};
use crate::Invalid;
use crate::component::ComponentConfig;
use crate::config::{self, Decode, Fields};
use crate::telemetry::Logger;
use crate::testing::{TestAuthority, TestIdentity};

const H2: &[&[u8]] = &[b"h2"];

// === handshakes ===

fn server_of(identity: &TestIdentity) -> TlsServerConfig {
    let mut config = TlsServerConfig::default();
    config.common.cert_pem = identity.certificate.as_str().into();
    config.common.key_pem = identity.key.as_str().into();
    config
}

fn client_of(authority: &TestAuthority) -> TlsClientConfig {
    let mut config = TlsClientConfig::default();
    config.common.ca_pem = authority.certificate().into();
    config
}

fn load(server: &TlsServerConfig, client: &TlsClientConfig) -> (TlsServer, TlsClient) {
    let server = TlsServer::load(server, H2, Logger::none()).unwrap();
    (server, TlsClient::load(client, H2, Logger::none()).unwrap())
}

/// Both sides shake hands and say a word. Gives the errors, the server's first.
async fn meet(server: &TlsServer, client: &TlsClient, host: &str) -> (io::Result<()>, io::Result<()>) {
    let (left, right) = tokio::io::duplex(1 << 16);
    let serve = async {
        let mut stream = server.accept(left).await?;
        let mut word = [0; 5];
        stream.read_exact(&mut word).await?;
        stream.write_all(&word).await?;
        stream.shutdown().await
    };
    let connect = async {
        let mut stream = client.connect(host, right).await?;
        stream.write_all(b"hello").await?;
        let mut word = [0; 5];
        stream.read_exact(&mut word).await?;
        assert_eq!((&word, stream.get_ref().1.alpn_protocol()), (b"hello", Some(&b"h2"[..])));
        Ok(())
    };
    tokio::join!(serve, connect)
}

async fn succeed(server: &TlsServerConfig, client: &TlsClientConfig) {
    let (server, client) = load(server, client);
    let (served, connected) = meet(&server, &client, "localhost").await;
    served.unwrap();
    connected.unwrap();
}

async fn fail(server: &TlsServerConfig, client: &TlsClientConfig, host: &str) -> String {
    let (server, client) = load(server, client);
    let (served, connected) = meet(&server, &client, host).await;
    assert!(served.is_err());
    connected.unwrap_err().to_string()
}

#[tokio::test]
async fn a_client_trusts_whom_its_authority_signed() {
    let authority = TestAuthority::new();
    succeed(&server_of(&authority.issue("localhost")), &client_of(&authority)).await;
}

#[tokio::test]
async fn a_client_refuses_strangers_other_names_and_what_has_expired() {
    let authority = TestAuthority::new();
    let (client, server) = (client_of(&authority), server_of(&authority.issue("localhost")));
    let stranger = server_of(&TestAuthority::new().issue("localhost"));
    let expired = server_of(&authority.issue_expired("localhost"));
    for (server, host, said) in [
        (&stranger, "localhost", "invalid peer certificate"),
        (&server, "elsewhere", "not valid for name"),
        (&expired, "localhost", "expired"),
    ] {
        let told = fail(server, &client, host).await;
        assert!(told.contains(said), "{told}");
    }
}

#[tokio::test]
async fn verification_can_be_skipped_and_the_name_overridden() {
    let authority = TestAuthority::new();
    let server = server_of(&authority.issue("collector.internal"));
    let mut client = client_of(&authority);
    client.server_name_override = "collector.internal".to_owned();
    succeed(&server, &client).await;
    let client = TlsClientConfig { insecure_skip_verify: true, ..TlsClientConfig::default() };
    succeed(&server_of(&TestAuthority::new().issue_expired("x")), &client).await;
}

#[tokio::test]
async fn a_server_that_verifies_clients_takes_only_those_that_its_authority_signed() {
    let (authority, clients) = (TestAuthority::new(), TestAuthority::new());
    let directory = tempfile::tempdir().unwrap();
    let mut server = server_of(&authority.issue("localhost"));
    server.client_ca_file = write(directory.path(), "clients.pem", clients.certificate());

    let with = |identity: TestIdentity| {
        let mut client = client_of(&authority);
        client.common.cert_pem = identity.certificate.into();
        client.common.key_pem = identity.key.into();
        client
    };
    succeed(&server, &with(clients.issue("agent"))).await;
    fail(&server, &client_of(&authority), "localhost").await;
    fail(&server, &with(authority.issue("agent")), "localhost").await;
    fail(&server, &with(clients.issue_expired("agent")), "localhost").await;
}

fn trusting(certificate: &str) -> TlsClientConfig {
    let mut config = TlsClientConfig::default();
    config.common.ca_pem = certificate.into();
    config
}

#[tokio::test]
async fn a_certificate_that_is_its_own_authority_can_be_trusted_itself() {
    let own = TestIdentity::self_signed("localhost");
    let client = trusting(&own.certificate);
    succeed(&server_of(&own), &client).await;
    // Trusted for what it says, and not as another of the same name.
    let expired = TestIdentity::self_signed_expired("localhost");
    let other = TestIdentity::self_signed("localhost");
    for (server, client, host, said) in [
        (&own, &client, "elsewhere", "not valid for name"),
        (&expired, &trusting(&expired.certificate), "localhost", "expired"),
        (&other, &client, "localhost", "invalid peer certificate: UnknownIssuer"),
    ] {
        let told = fail(&server_of(server), client, host).await;
        assert!(told.contains(said), "{told}");
    }
}

#[tokio::test]
async fn a_client_with_a_certificate_that_is_its_own_authority_can_be_trusted_itself() {
    let (authority, directory) = (TestAuthority::new(), tempfile::tempdir().unwrap());
    let with = |identity: &TestIdentity| {
        let mut client = client_of(&authority);
        client.common.cert_pem = identity.certificate.as_str().into();
        client.common.key_pem = identity.key.as_str().into();
        client
    };
    let own = TestIdentity::self_signed("agent");
    let expired = TestIdentity::self_signed_expired("agent");
    let mut server = server_of(&authority.issue("localhost"));
    server.client_ca_file =
        write(directory.path(), "clients.pem", &format!("{}{}", own.certificate, expired.certificate));
    succeed(&server, &with(&own)).await;
    fail(&server, &with(&expired), "localhost").await;
    fail(&server, &with(&TestIdentity::self_signed("agent")), "localhost").await;
}

#[tokio::test]
async fn who_does_not_speak_tls_is_told_apart_from_who_does_it_wrong() {
    let authority = TestAuthority::new();
    let (server, client) = load(&server_of(&authority.issue("localhost")), &client_of(&authority));
    let said = "first record does not look like a TLS handshake";
    let (left, mut right) = tokio::io::duplex(1 << 16);
    right.write_all(b"POST / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(server.accept(left).await.unwrap_err().to_string(), said);
    let (left, mut right) = tokio::io::duplex(1 << 16);
    right.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    assert_eq!(client.connect("localhost", left).await.unwrap_err().to_string(), said);
}

#[tokio::test]
async fn versions_that_do_not_overlap_do_not_meet() {
    let authority = TestAuthority::new();
    let mut server = server_of(&authority.issue("localhost"));
    let mut client = client_of(&authority);
    server.common.min_version = Some(TlsVersion::V1_3);
    client.common.max_version = Some(TlsVersion::V1_2);
    fail(&server, &client, "localhost").await;
    client.common.max_version = None;
    succeed(&server, &client).await;
    server.common.min_version = Some(TlsVersion::V1_0);
    client.common.max_version = Some(TlsVersion::V1_2);
    succeed(&server, &client).await;
}

#[tokio::test]
async fn cipher_suites_and_curves_are_those_that_are_named() {
    let authority = TestAuthority::new();
    let mut client = client_of(&authority);
    let yaml = "
min_version: '1.2'
max_version: '1.2'
cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
curve_preferences: [P384]
";
    let Block(chosen) = read::<TlsClientConfig>(yaml).unwrap();
    let mut server = server_of(&authority.issue("localhost"));
    server.common.min_version = chosen.common.min_version;
    server.common.max_version = chosen.common.max_version;
    server.common.cipher_suites = chosen.common.cipher_suites;
    server.common.curve_preferences = chosen.common.curve_preferences;
    succeed(&server, &client).await;
    for yaml in ["cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]", "curve_preferences: [P256]"] {
        let chosen = read::<TlsClientConfig>(yaml).unwrap().0.common;
        client.common.cipher_suites = chosen.cipher_suites;
        client.common.curve_preferences = chosen.curve_preferences;
        fail(&server, &client, "localhost").await;
    }
}

// === reload ===

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn certificates_are_read_again_after_the_interval() {
    let (old, new) = (TestAuthority::new(), TestAuthority::new());
    let directory = tempfile::tempdir().unwrap();
    let put = |identity: &TestIdentity| {
        let certificate = write(directory.path(), "cert.pem", &identity.certificate);
        (certificate, write(directory.path(), "key.pem", &identity.key))
    };
    let mut config = TlsServerConfig::default();
    (config.common.cert_file, config.common.key_file) = put(&old.issue("localhost"));
    config.common.reload_interval = Duration::from_secs(60);
    let (server, trusts_old) = load(&config, &client_of(&old));
    let trusts_new = TlsClient::load(&client_of(&new), H2, Logger::none()).unwrap();
    let is_old = async || meet(&server, &trusts_old, "localhost").await.1.is_ok();
    let is_new = async || meet(&server, &trusts_new, "localhost").await.1.is_ok();

    put(&new.issue("localhost"));
    assert!(is_old().await);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(is_new().await && !is_old().await);

    // What cannot be read is not taken.
    write(directory.path(), "key.pem", "");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(is_new().await);
    put(&old.issue("localhost"));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert!(is_old().await && !is_new().await);
}

#[tokio::test(start_paused = true)]
async fn the_authority_of_clients_is_read_again_when_its_file_changes() {
    let (authority, old, new) = (TestAuthority::new(), TestAuthority::new(), TestAuthority::new());
    let directory = tempfile::tempdir().unwrap();
    let mut config = server_of(&authority.issue("localhost"));
    config.client_ca_file = write(directory.path(), "clients.pem", old.certificate());
    config.client_ca_file_reload = true;
    let mut client = client_of(&authority);
    let identity = new.issue("agent");
    client.common.cert_pem = identity.certificate.into();
    client.common.key_pem = identity.key.into();
    let (server, client) = load(&config, &client);
    assert!(meet(&server, &client, "localhost").await.0.is_err());

    write(directory.path(), "clients.pem", &format!("{}\n\n", new.certificate()));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(meet(&server, &client, "localhost").await.0.is_ok());
}

// === loading ===

#[tokio::test]
async fn what_cannot_be_loaded_says_why() {
    let authority = TestAuthority::new();
    let (one, other) = (authority.issue("a"), authority.issue("b"));
    let mut missing = server_of(&one);
    missing.common.key_pem = "".into();
    missing.common.key_file = "/nowhere/key.pem".to_owned();
    let mut mixed = server_of(&one);
    mixed.common.key_pem = other.key.as_str().into();
    let mut empty = server_of(&one);
    empty.common.cert_pem = "no certificate".into();
    let mut locked = server_of(&one);
    locked.common.key_pem = one.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY").into();
    for (config, said) in [
        (missing, "cannot read /nowhere/key.pem"),
        (mixed, "failed to load TLS cert and key"),
        (empty, "cert_pem has no certificate"),
        (locked, "key_pem has no private key that can be read; those with a passphrase cannot"),
    ] {
        let told = TlsServer::load(&config, H2, Logger::none()).unwrap_err().to_string();
        assert_eq!(told, said);
        assert!(!told.contains("PRIVATE"));
    }
}

// === configuration ===

#[derive(Debug, Default)]
struct Block<T>(T);

impl<T: Decode> Decode for Block<T> {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.block(&mut self.0);
    }
}

impl ComponentConfig for Block<TlsServerConfig> {
    const TYPE: &'static str = "server";

    fn validate(&self) -> Vec<Invalid> {
        self.0.validate()
    }
}

impl ComponentConfig for Block<TlsClientConfig> {
    const TYPE: &'static str = "client";

    fn validate(&self) -> Vec<Invalid> {
        self.0.validate()
    }
}

fn read<T>(yaml: &str) -> Result<Block<T>, String>
where
    T: Decode,
    Block<T>: ComponentConfig,
{
    config::from_yaml("tls.yaml", yaml).map_err(|errors| errors.to_string())
}

#[test]
fn every_key_is_read() {
    let Block(server) = read::<TlsServerConfig>(
        "
ca_file: ca.pem
cert_file: cert.pem
key_file: key.pem
min_version: '1.1'
max_version: '1.3'
cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
include_insecure_cipher_suites: true
curve_preferences: [X25519MLKEM768, X25519]
include_system_ca_certs_pool: true
reload_interval: 24h
client_ca_file: clients.pem
client_ca_file_reload: true
",
    )
    .unwrap();
    assert_eq!(server.common.reload_interval, Duration::from_secs(86400));
    assert_eq!((server.common.min_version, server.common.cipher_suites.len()), (Some(TlsVersion::V1_1), 2));
    assert!(server.client_ca_file_reload);
    let Block(client) = read::<TlsClientConfig>(
        "{ insecure: true, insecure_skip_verify: true, server_name_override: x, ca_pem: y, min_version: }",
    )
    .unwrap();
    assert!(client.insecure_skip_verify && !client.is_plaintext());
}

#[test]
fn rules_are_told_at_their_keys() {
    for (yaml, told) in [
        ("{}", "TLS configuration must include both certificate and key for server connections"),
        (
            "{ cert_file: a }",
            "TLS configuration must include both certificate and key for server connections",
        ),
        ("{ ca_file: a, ca_pem: b }", "provide either a CA file or the PEM-encoded string, but not both"),
        (
            "{ cert_file: a, cert_pem: b, key_file: c }",
            "provide either certificate file or PEM, but not both",
        ),
        ("{ cert_file: a, key_file: b, key_pem: c }", "provide either key file or PEM, but not both"),
        ("{ min_version: '1.3', max_version: '1.2' }", "min_version cannot be greater than max_version"),
        ("{ max_version: '1.1' }", "TLS below 1.2 is not available here"),
        ("{ min_version: '1.5' }", "\"1.5\" is not one of the allowed values"),
        ("{ cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA] }", "none of these cipher suites"),
        ("{ cipher_suites: [TLS_NULL] }", "\"TLS_NULL\" is not one of the allowed values"),
        ("{ curve_preferences: [P521] }", "none of these curves"),
        ("{ tpm: { enabled: true } }", "`tpm` is not supported"),
    ] {
        let error = read::<TlsServerConfig>(yaml).unwrap_err();
        assert!(error.contains(told), "{yaml}: {error}");
    }
    let error = read::<TlsClientConfig>("{ cert_file: a }").unwrap_err();
    assert!(error.contains("must include both certificate and key (CertFile/CertPem and KeyFile/KeyPem)"));
    let error = read::<TlsClientConfig>("{ key_pem: hush, tpm: x }").unwrap_err();
    assert!(!error.contains("hush"), "{error}");
}
