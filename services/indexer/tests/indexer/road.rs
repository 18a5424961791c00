//! A way to a server that can be cut, and turned to another one.

use std::sync::{Arc, Mutex};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Forwards connections to a server; dropping it ends them.
pub(crate) struct Road {
    pub(crate) address: std::net::SocketAddr,
    server: watch::Sender<Option<String>>,
    tasks: Arc<Mutex<tokio::task::JoinSet<()>>>,
}

impl Road {
    /// An open road to `server`, as in `127.0.0.1:5432`.
    pub(crate) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, tasks) = (watch::Sender::new(Some(server.to_owned())), Arc::default());
        let road = Self { address, server, tasks };
        let (server, traffic) = (road.server.clone(), Arc::clone(&road.tasks));
        road.tasks.lock().unwrap().spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                traffic.lock().unwrap().spawn(carry(inside, server.subscribe()));
            }
        });
        road
    }

    /// Ends all connections and takes no more.
    pub(crate) fn cut(&self) {
        self.server.send_replace(None);
    }

    /// Ends all connections; new ones lead to `server`.
    pub(crate) fn turn_to(&self, server: &str) {
        self.server.send_replace(Some(server.to_owned()));
    }
}

async fn carry(mut inside: TcpStream, mut server: watch::Receiver<Option<String>>) {
    let Some(address) = server.borrow_and_update().clone() else { return };
    let Ok(mut outside) = TcpStream::connect(address).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut inside, &mut outside) => {}
        _ = server.changed() => {}
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.tasks.lock().unwrap().abort_all();
    }
}
