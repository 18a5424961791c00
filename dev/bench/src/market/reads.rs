//! Pages of every list at any depth, and single markets: how long one answer takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use capstan_proto::market::{
    BatchGetMarketsRequest, CandleInterval, GetMarketRequest, ListCandlesRequest, ListMarketPositionsRequest,
    ListMarketsRequest, ListPriceHistoryRequest, ListTradesRequest, ListUserHistoryRequest,
    ListUserPositionsRequest, Market, MarketOrder, PositionOrder,
};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;

use super::{
    lists::List,
    report::Times,
    service::{self, Client},
};
use crate::say;

/// A page as large as any list has.
const LARGEST: i32 = 1_000;
/// Pages of the largest size that are walked from the first one on, so that later ones can be begun anywhere.
const WALK: usize = 120;
/// Longest walk through all lists of a kind.
const LONGEST_WALK: Duration = Duration::from_secs(4);
/// Lists of one kind, such as the trades of so many markets.
const TARGETS: usize = 6;
const BATCH: usize = 100;
const CLIENTS: usize = 4;

/// What can be asked, and where pages begin.
#[derive(Clone)]
pub(super) struct Questions {
    /// Where pages of each kind of list begin.
    places: BTreeMap<String, Vec<(List, String)>>,
    markets: Vec<String>,
    dice: ChaCha8Rng,
}

/// How long answers took.
#[derive(Default)]
pub(super) struct Answers {
    /// By kind of list, pages of the default size.
    pub(super) lists: BTreeMap<String, Times>,
    /// By kind of list, pages of the largest size.
    pub(super) largest: BTreeMap<String, Times>,
    /// Single markets.
    pub(super) detail: Times,
    /// A hundred markets at once.
    pub(super) batch: Times,
    /// Pages of all lists while others ask, too.
    pub(super) crowded: Times,
    /// Single markets while others ask, too.
    pub(super) crowded_detail: Times,
}

impl Questions {
    /// Looks around for markets and people, and walks through their lists.
    pub(super) async fn prepare(client: &mut Client) -> Result<Self> {
        let mut questions =
            Self { places: BTreeMap::new(), markets: Vec::new(), dice: ChaCha8Rng::seed_from_u64(4) };
        let found = questions.look_around(client).await?;
        let lists = questions.lists(client, &found).await?;
        for (name, lists) in lists {
            let mut places = Vec::new();
            let each = LONGEST_WALK / u32::try_from(lists.len().max(1))?;
            for list in lists {
                places.extend(walk(client, list, each).await.with_context(|| name.clone())?);
            }
            questions.places.insert(name, places);
        }
        Ok(questions)
    }

    /// All markets; their ids are what is asked for.
    async fn look_around(&mut self, client: &mut Client) -> Result<Vec<Market>> {
        let mut found = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListMarketsRequest { page_size: LARGEST, page_token, ..Default::default() };
            let answer = client.list_markets(request).await?.into_inner();
            found.extend(answer.markets);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        self.markets = found.iter().map(|market| market.market_id.clone()).collect();
        ensure!(!found.is_empty(), "there are no markets");
        // The busiest first: their lists are the deep ones.
        found.sort_by_key(|market| std::cmp::Reverse(market.trade_count));
        Ok(found)
    }

    async fn lists(&mut self, client: &mut Client, found: &[Market]) -> Result<BTreeMap<String, Vec<List>>> {
        let mut lists = market_lists(found);
        let busiest = found.iter().take(TARGETS / 2);
        let others: Vec<&Market> =
            (0..TARGETS - TARGETS / 2).filter_map(|_| found.choose(&mut self.dice)).collect();
        let chosen: Vec<&Market> = busiest.chain(others).collect();
        for market in &chosen {
            for (name, list) in lists_of(&market.market_id) {
                lists.entry(name).or_default().push(list);
            }
        }
        for user in users(client, &chosen).await? {
            for (name, list) in lists_of_user(&user) {
                lists.entry(name).or_default().push(list);
            }
        }
        Ok(lists)
    }

    /// Asks everything so many times, one after the other, and then by several clients at once.
    pub(super) async fn ask(&mut self, market: &service::Market, times: u32) -> Result<Answers> {
        let mut client = market.connect().await?;
        let mut answers = Answers::default();
        for (name, places) in self.places.clone() {
            let default = answers.lists.entry(name.clone()).or_default();
            for _ in 0..times {
                default.push(self.page(&mut client, &places, 0).await?);
            }
            let largest = answers.largest.entry(name.clone()).or_default();
            for _ in 0..times / 10 {
                largest.push(self.page(&mut client, &places, LARGEST).await?);
            }
            say(&format!("    {name:<28} {default}; largest pages {largest}"));
        }
        for _ in 0..times * 5 {
            answers.detail.push(self.detail(&mut client).await?);
        }
        for _ in 0..times {
            answers.batch.push(self.batch(&mut client).await?);
        }
        self.crowd(market, times, &mut answers).await?;
        Ok(answers)
    }

    async fn crowd(&self, market: &service::Market, times: u32, answers: &mut Answers) -> Result<()> {
        let mut asking = JoinSet::new();
        for number in 0..CLIENTS {
            let (mut client, mut questions) = (market.connect().await?, self.clone());
            questions.dice = ChaCha8Rng::seed_from_u64(number as u64);
            asking.spawn(async move {
                let (mut lists, mut details) = (Times::default(), Times::default());
                let places: Vec<_> = questions.places.values().cloned().collect();
                for _ in 0..times * 2 {
                    let places = places.choose(&mut questions.dice).map(Vec::as_slice).unwrap_or_default();
                    lists.push(questions.page(&mut client, places, 0).await?);
                    details.push(questions.detail(&mut client).await?);
                }
                anyhow::Ok((lists, details))
            });
        }
        while let Some(asked) = asking.join_next().await {
            let (lists, details) = asked??;
            answers.crowded.append(lists);
            answers.crowded_detail.append(details);
        }
        Ok(())
    }

    async fn page(&mut self, client: &mut Client, places: &[(List, String)], size: i32) -> Result<Duration> {
        let (list, token) = places.choose(&mut self.dice).context("a list without a page")?;
        let asked = Instant::now();
        let page = list.page(client, size, token).await?;
        let elapsed = asked.elapsed();
        ensure!(page.items > 0 || token.is_empty(), "a page that was to go on is empty: {list:?}");
        Ok(elapsed)
    }

    async fn detail(&mut self, client: &mut Client) -> Result<Duration> {
        let market_id = self.markets.choose(&mut self.dice).cloned().unwrap_or_default();
        let asked = Instant::now();
        client.get_market(GetMarketRequest { market_id, chain_id: 0 }).await?;
        Ok(asked.elapsed())
    }

    async fn batch(&mut self, client: &mut Client) -> Result<Duration> {
        let most = self.markets.len().min(BATCH);
        let market_ids = self.markets.choose_multiple(&mut self.dice, most).cloned().collect();
        let asked = Instant::now();
        client.batch_get_markets(BatchGetMarketsRequest { market_ids, chain_id: 0 }).await?;
        Ok(asked.elapsed())
    }
}

/// Walks through a list in the largest pages, and gives the places where pages of it begin. Small pages begin
/// at random places within, as the places are chosen at random.
async fn walk(client: &mut Client, list: List, longest: Duration) -> Result<Vec<(List, String)>> {
    let begun = Instant::now();
    let mut places = vec![(list.clone(), String::new())];
    let mut token = String::new();
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    while places.len() < WALK && begun.elapsed() < longest {
        // Pages of uneven sizes, so that places are not all multiples of one number.
        let page = list.page(client, dice.random_range(LARGEST / 2..=LARGEST), &token).await?;
        token = page.next;
        if token.is_empty() {
            break;
        }
        places.push((list.clone(), token.clone()));
    }
    Ok(places)
}

fn market_lists(found: &[Market]) -> BTreeMap<String, Vec<List>> {
    let of = |request: ListMarketsRequest| List::Markets(Box::new(request));
    let searched = |text: &str| of(ListMarketsRequest { search: text.to_owned(), ..Default::default() });
    let resolved = |flag| of(ListMarketsRequest { resolved: Some(flag), ..Default::default() });
    let first_and_last = [found.first(), found.last()];
    let creators = first_and_last.into_iter().flatten().map(|market| market.creator.clone());
    let creators = creators.map(|creator| of(ListMarketsRequest { creator, ..Default::default() })).collect();
    let collaterals: BTreeSet<String> = found.iter().map(|market| market.collateral_token.clone()).collect();
    let of_collateral = |collateral_token: &String| {
        of(ListMarketsRequest { collateral_token: collateral_token.clone(), ..Default::default() })
    };
    let categories: BTreeSet<String> = found.iter().filter_map(|market| market.category.clone()).collect();
    let of_category =
        |category: &String| of(ListMarketsRequest { category: category.clone(), ..Default::default() });
    let condition = found.first().map(|market| market.condition_id.clone()).unwrap_or_default();
    let mut due: Vec<_> = found.iter().filter_map(|market| market.resolution_time).collect();
    due.sort_by_key(|time| time.seconds);
    let part = |share: usize| due.get(due.len() * share / 100).copied();
    let due = [(part(10), part(11)), (part(50), None), (None, part(5)), (part(98), None)];
    let due = due.map(|(due_after, due_before)| {
        of(ListMarketsRequest { due_after, due_before, ..Default::default() })
    });
    let ordered = |order: MarketOrder| of(ListMarketsRequest { order: order.into(), ..Default::default() });
    let open_by_volume = ListMarketsRequest {
        resolved: Some(false),
        order: MarketOrder::Volume.into(),
        search: "bitcoin".to_owned(),
        ..Default::default()
    };
    [
        ("markets", vec![of(ListMarketsRequest::default())]),
        ("markets by due time", vec![ordered(MarketOrder::ResolutionTime)]),
        ("markets by volume", vec![ordered(MarketOrder::Volume), of(open_by_volume)]),
        ("markets by liquidity", vec![ordered(MarketOrder::Liquidity)]),
        ("markets, resolved", vec![resolved(true)]),
        ("markets, not resolved", vec![resolved(false)]),
        ("markets of a creator", creators),
        ("markets of a collateral", collaterals.iter().map(of_collateral).take(TARGETS).collect()),
        ("markets of a category", categories.iter().map(of_category).collect()),
        (
            "markets of a condition",
            vec![of(ListMarketsRequest { condition_id: condition, ..Default::default() })],
        ),
        ("markets due", due.to_vec()),
        ("search, frequent word", vec![searched("will"), searched("BITCOIN")]),
        ("search, rare word", vec![searched("quixote"), searched("level 4242 ")]),
        ("search, no such word", vec![searched("xyzzy")]),
        ("search, short", vec![searched("q"), searched("4")]),
    ]
    .into_iter()
    .map(|(name, lists)| (name.to_owned(), lists))
    .collect()
}

fn lists_of(market_id: &str) -> Vec<(String, List)> {
    let market_id = market_id.to_owned();
    let mut lists = vec![
        ("trades", List::Trades(ListTradesRequest { market_id: market_id.clone(), ..Default::default() })),
        (
            "positions in a market",
            List::Holders(ListMarketPositionsRequest { market_id: market_id.clone(), ..Default::default() }),
        ),
        (
            "positions in a market by amount",
            List::Holders(ListMarketPositionsRequest {
                market_id: market_id.clone(),
                order: PositionOrder::Amount.into(),
                ..Default::default()
            }),
        ),
        (
            "price history",
            List::Prices(ListPriceHistoryRequest { market_id: market_id.clone(), ..Default::default() }),
        ),
    ];
    let intervals = [
        ("candles, 1 minute", CandleInterval::CandleInterval1m),
        ("candles, 5 minutes", CandleInterval::CandleInterval5m),
        ("candles, 1 hour", CandleInterval::CandleInterval1h),
        ("candles, 6 hours", CandleInterval::CandleInterval6h),
        ("candles, 1 day", CandleInterval::CandleInterval1d),
    ];
    for (at, (name, interval)) in intervals.into_iter().enumerate() {
        let mut request = ListCandlesRequest { market_id: market_id.clone(), ..Default::default() };
        request.set_interval(interval);
        request.newest_first = at % 2 == 0;
        lists.push((name, List::Candles(request)));
    }
    lists.into_iter().map(|(name, list)| (name.to_owned(), list)).collect()
}

fn lists_of_user(address: &str) -> [(String, List); 2] {
    let address = address.to_owned();
    let positions = ListUserPositionsRequest { address: address.clone(), ..Default::default() };
    let history = ListUserHistoryRequest { address, ..Default::default() };
    [
        ("positions of a user".to_owned(), List::Positions(positions)),
        ("history of a user".to_owned(), List::History(history)),
    ]
}

/// The busiest traders, some others, and holders.
async fn users(client: &mut Client, markets: &[&Market]) -> Result<Vec<String>> {
    let mut traders: BTreeMap<String, usize> = BTreeMap::new();
    let mut users = BTreeSet::new();
    for market in markets {
        let market_id = market.market_id.clone();
        let request =
            ListTradesRequest { market_id: market_id.clone(), page_size: LARGEST, ..Default::default() };
        for trade in client.list_trades(request).await?.into_inner().trades {
            *traders.entry(trade.trader).or_default() += 1;
        }
        let request = ListMarketPositionsRequest { market_id, page_size: LARGEST, ..Default::default() };
        let positions = client.list_market_positions(request).await?.into_inner().positions;
        users.extend(positions.into_iter().map(|position| position.user_address).take(1));
    }
    let mut traders: Vec<(String, usize)> = traders.into_iter().collect();
    traders.sort_by_key(|(_, trades)| std::cmp::Reverse(*trades));
    let busiest = traders.iter().take(TARGETS).chain(traders.last());
    users.extend(busiest.map(|(trader, _)| trader.clone()));
    Ok(users.into_iter().collect())
}
