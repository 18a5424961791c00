//! `GetQuote` over gRPC, asked so many times a second whether it answers in time or not, while blocks come.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use capstan_devnet::{Devnet, Options as Chain};
use capstan_proto::quoter::{
    GetHealthRequest, GetQuoteRequest, GetTokenPriceRequest, QuoteRequest, QuoteStatus,
    quote_request::Amount, quoter_service_client::QuoterServiceClient,
};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

use super::{options::Options, routes::percentile};
use crate::{process::Process, say};

type Client = QuoterServiceClient<Channel>;

const BLOCKS: u64 = 20;
const POLL: Duration = Duration::from_millis(100);
const LONGEST_START: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 4;
const WARM_UP: Duration = Duration::from_secs(2);
/// Requests are sent in bundles so far apart, which is what a timer can do.
const TICK: Duration = Duration::from_millis(1);
/// Dollars of a quote.
const DOLLARS: (f64, f64) = (10.0, 100_000.0);

/// What was measured.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// With the service's defaults.
    pub(super) split: Series,
    /// The best single route.
    pub(super) single: Series,
}

/// Runs of one kind of question.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Milliseconds of every answer from when it was due to be asked, by run, shortest first.
    pub(super) times: Vec<Vec<f64>>,
    /// Cores that the quoter used, by run.
    pub(super) cores: Vec<f64>,
    /// Share of answers that were quotes, by run; others were refused because too many waited.
    pub(super) found: Vec<f64>,
}

/// The platform under measurement: a chain with exchanges, an indexer and a quoter, each a process of its own.
struct Platform {
    devnet: Devnet,
    quoter: Process,
    _indexer: Process,
    clients: Vec<Client>,
    _directory: TempDir,
}

/// Asks at a steady rate.
pub(super) async fn run(options: &Options) -> Result<Results> {
    let mut platform = Platform::start(&options.binary()?).await?;
    let dice = &mut ChaCha8Rng::seed_from_u64(options.seed);
    let worths = platform.worths().await?;
    let mut results = Results::default();
    let length = Duration::from_secs(options.grpc_seconds.into());
    platform.load(dice, (&worths, 0), (options.grpc_rate, WARM_UP)).await?;
    for run in 1..=options.runs {
        for (series, max_splits) in [(&mut results.split, 0), (&mut results.single, 1)] {
            let (begun, before) = (Instant::now(), platform.quoter.usage()?.cpu_s);
            let (mut times, found) =
                platform.load(dice, (&worths, max_splits), (options.grpc_rate, length)).await?;
            series.cores.push((platform.quoter.usage()?.cpu_s - before) / begun.elapsed().as_secs_f64());
            series.found.push(f64::from(found) / f64::from(u32::try_from(times.len())?));
            times.sort_by(f64::total_cmp);
            let [half, most] = [50, 99].map(|percent| percentile(&times, percent));
            let (cores, found) = (series.cores.last(), series.found.last());
            let routes = if max_splits == 1 { "one route" } else { "by default" };
            say(&format!(
                "  run {run}, {routes}: p50 {half:?} ms, p99 {most:?} ms, {cores:?} cores, {found:?} found"
            ));
            series.times.push(times);
        }
    }
    platform.quoter.check().context("the quoter")?;
    Ok(results)
}

impl Platform {
    async fn start(binary: &Path) -> Result<Self> {
        let mut devnet = Devnet::start(Chain { venues: true, ..Chain::default() }).await?;
        for _ in 0..BLOCKS {
            devnet.step().await?;
        }
        let directory = tempfile::tempdir()?;
        let listen = || Ok::<_, anyhow::Error>(TcpListener::bind("127.0.0.1:0")?.local_addr()?);
        let (indexer_listen, quoter_listen) = (listen()?, listen()?);
        let data = directory.path().join("data");
        let configuration = format!(
            "[database]\nurl = \"sqlite://{}\"\n\n[indexer]\nlisten = \"{indexer_listen}\"\n\n[peers]\n\
             indexer = \"http://{indexer_listen}\"\n\n[quoter]\nlisten = \"{quoter_listen}\"\n\n{}",
            data.display(),
            devnet.config_toml()
        );
        fs::write(directory.path().join("capstan.toml"), configuration)?;
        let start = |role: &str| {
            let log = directory.path().join(format!("{role}.log"));
            Process::spawn(binary, &[role], &[], directory.path(), log)
        };
        let (indexer, quoter) = (start("indexer")?, start("quoter")?);
        let endpoint = Endpoint::from_shared(format!("http://{quoter_listen}"))?.tcp_nodelay(true);
        let clients = (0..CONNECTIONS).map(|_| Client::new(endpoint.connect_lazy())).collect();
        let mut platform = Self { devnet, quoter, _indexer: indexer, clients, _directory: directory };
        platform.level().await?;
        Ok(platform)
    }

    /// Waits until quotes are of the chain's newest block.
    async fn level(&mut self) -> Result<()> {
        let (height, deadline) = (self.devnet.block_number(), Instant::now() + LONGEST_START);
        loop {
            self.quoter.check().context("the quoter")?;
            if self.block().await.is_some_and(|block| block >= height) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the quoter is not level with the chain\n{}", self.quoter.last_lines());
            }
            sleep(POLL).await;
        }
    }

    async fn block(&mut self) -> Option<u64> {
        let health = self.clients.first_mut()?.get_health(GetHealthRequest {}).await.ok()?.into_inner();
        Some(health.chains.first()?.as_of.as_ref()?.block.as_ref()?.number)
    }

    /// Tokens with the smallest units that a dollar is.
    async fn worths(&mut self) -> Result<Vec<(String, f64)>> {
        let tokens = self.devnet.deployment().tokens.clone();
        let dollar = tokens.first().context("no token")?.clone();
        let unit = 10_f64.powi(dollar.decimals.into());
        let client = self.clients.first_mut().context("no client")?;
        let mut worths = Vec::new();
        for token in &tokens {
            let address = token.address.to_string();
            let price = if token.address == dollar.address {
                1.0
            } else {
                let request = GetTokenPriceRequest {
                    token: address.clone(),
                    chain_id: 0,
                    reference: dollar.address.to_string(),
                };
                client.get_token_price(request).await?.into_inner().price.parse()?
            };
            worths.push((address, unit / price));
        }
        Ok(worths)
    }

    /// Asks for so long, while blocks come; gives how long each answer took since it was due, and how many were quotes.
    async fn load(
        &mut self,
        dice: &mut ChaCha8Rng,
        (worths, max_splits): (&[(String, f64)], u32),
        (rate, length): (u32, Duration),
    ) -> Result<(Vec<f64>, u32)> {
        let (is_over, clients) = (CancellationToken::new(), &self.clients);
        let asking = async {
            let asked = ask(clients, || question(dice, worths, max_splits), (rate, length)).await;
            is_over.cancel();
            asked
        };
        let (asked, mined) = tokio::join!(asking, self.devnet.run(is_over.clone()));
        mined?;
        let (mut times, mut found) = (Vec::new(), 0);
        let mut asked = asked?;
        while let Some(answer) = asked.join_next().await {
            let (time, is_found) = answer??;
            times.push(time);
            found += u32::from(is_found);
        }
        ensure!(!times.is_empty(), "nothing was asked");
        Ok((times, found))
    }
}

/// Sends every request when it is due.
async fn ask(
    clients: &[Client],
    mut question: impl FnMut() -> Result<GetQuoteRequest>,
    (rate, length): (u32, Duration),
) -> Result<JoinSet<Result<(f64, bool)>>> {
    let mut asked = JoinSet::new();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // What does not divide evenly is spread.
    let until = |tick: u32| u64::from(tick) * u64::from(rate) / 1_000;
    for number in 0..u32::try_from(length.as_millis() / TICK.as_millis())? {
        let due = tick.tick().await;
        for one in until(number)..until(number + 1) {
            let place = usize::try_from(one)? % clients.len();
            let mut client = clients.get(place).context("no client")?.clone();
            let request = question()?;
            asked.spawn(async move {
                let is_found = match client.get_quote(request).await {
                    Ok(answer) => {
                        answer.into_inner().quote.is_some_and(|quote| quote.status() == QuoteStatus::Ok)
                    }
                    Err(refused) if refused.code() == Code::ResourceExhausted => false,
                    Err(error) => return Err(error.into()),
                };
                Ok((due.elapsed().as_secs_f64() * 1e3, is_found))
            });
        }
    }
    Ok(asked)
}

/// A question that nobody asked before, with the service's own defaults but for the number of routes; 0: that, too.
fn question(dice: &mut ChaCha8Rng, worths: &[(String, f64)], max_splits: u32) -> Result<GetQuoteRequest> {
    let mut two = worths.choose_multiple(dice, 2);
    let ((from, worth), (to, _)) = two.next().zip(two.next()).context("too few tokens")?;
    let (least, most) = DOLLARS;
    let dollars = least * (most / least).powf(dice.random());
    let amount = format!("{:.0}", worth * dollars * dice.random_range(0.9..1.1));
    let quote = QuoteRequest {
        token_in: from.clone(),
        token_out: to.clone(),
        amount: Some(Amount::AmountIn(amount)),
        max_splits,
        ..QuoteRequest::default()
    };
    Ok(GetQuoteRequest { quote: Some(quote) })
}
