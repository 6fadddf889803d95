//! A proxy that leads every way to one server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy, and the heads of the first requests of its connections.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Tunnels and forwards to `target`, whoever is asked for; or refuses tunnels with a line.
    pub(crate) async fn start(target: SocketAddr, refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), heads: Arc::default() };
        let heads = Arc::clone(&proxy.heads);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let heads = Arc::clone(&heads);
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(client.read_u8().await.unwrap());
                    }
                    let text = String::from_utf8(head.clone()).unwrap();
                    heads.lock().unwrap().push(text.clone());
                    let mut server = TcpStream::connect(target).await.unwrap();
                    match (text.starts_with("CONNECT "), refusal) {
                        (_, Some(line)) => {
                            client.write_all(format!("{line}\r\n\r\n").as_bytes()).await.unwrap();
                            return;
                        }
                        (true, None) => client.write_all(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n").await.unwrap(),
                        (false, None) => server.write_all(&head).await.unwrap(),
                    }
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        proxy
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}
