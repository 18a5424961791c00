//! Configurations that cannot work are refused at once, with what is wrong and where.

use capstan_db::testing::TestStore;

use crate::harness::{
    Subscriber, database_url, devnet, head, indexer, platform, platform_of, refused_by_the_settings, stop,
    try_start,
};

async fn refusal(toml: &str) -> String {
    let store = TestStore::sqlite();
    let started = tokio::time::Instant::now();
    let refused = try_start(platform_of(toml, &database_url(&store))).await.unwrap_err().to_string();
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "took too long to refuse: {refused}");
    assert!(!store.directory().unwrap().join("data").exists(), "something was left behind: {refused}");
    refused
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_the_place_named() {
    let devnet = devnet().await;
    let good = devnet.config_toml();
    let expected = [
        (good.replace("id = 13370", "id = 1"), "chains.0.rpc_urls", "serves chain 13370, expected 1"),
        (good.replace(&devnet.http_url(), "http://127.0.0.1:1"), "chains.0.rpc_urls", "127.0.0.1:1"),
        (
            good.replace("gnosis.fpmm_factory", "gnosis.fpm_factory"),
            "chains.0.contracts.1.protocol",
            "gnosis.fpmm_factory",
        ),
        (good.replace("out/MarketFactory.json", "out/Nothing.json"), ".abi", "Nothing.json"),
        (with(&good, "retention = { blocks = 0 }"), "chains.0.retention", "at least 1"),
        (with(&good, "retention = { days = 0 }"), "chains.0.retention", "at least 1"),
        (with(&good, "partition_blocks = 0"), "chains.0.partition_blocks", "at least 1"),
        (good.replace("AMMDeployed =", "AMMDeplyed ="), ".events", "AMMDeployed"),
        (
            good.replace("start_block = 0", "start_block = 1000000"),
            "chains.0.start_block",
            "past the head of chain 13370, block",
        ),
        (
            good.replace("out/MarketFactory.json", "MarketFactory.sol"),
            "chains.0.contracts.4.abi",
            "is not json",
        ),
        (
            format!(
                "{good}\n[[chains.contracts]]\nprotocol = \"erc20\"\naddress = \"0x00000000000000000000000000000000000000aa\""
            ),
            ".address",
            "there is no contract at",
        ),
    ];
    for (toml, place, reason) in expected {
        let refused = refusal(&toml).await;
        assert!(refused.contains(place) && refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn an_address_with_a_wrong_checksum_is_refused_with_the_place_named() {
    let devnet = devnet().await;
    let right = devnet.deployment().fpmm_factory.to_string();
    let wrong: String = right
        .chars()
        .map(|c| {
            if c == 'a' {
                'A'
            } else if c == 'A' {
                'a'
            } else {
                c
            }
        })
        .collect();
    assert_ne!(wrong, right);
    let refused = refused_by_the_settings(&devnet.config_toml().replace(&right, &wrong));
    assert!(refused.contains("chains.0.contracts.1.address") && refused.contains(&right), "{refused}");
}

#[tokio::test]
async fn a_log_that_has_begun_goes_on_whatever_its_first_block_is_to_be() {
    for store in TestStore::both().await {
        let devnet = devnet().await;
        let mut platform = platform(&devnet, &store);
        let (running, mut client) = indexer(platform.clone()).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;
        platform.chains[0].start_block = 1_000_000;
        let (running, mut client) = indexer(platform).await;
        Subscriber::default().follow_to(&mut client, head(&devnet).await).await;
        stop(running).await;
    }
    if let Some(store) = TestStore::both().await.into_iter().nth(1) {
        let devnet = devnet().await;
        let mut platform = platform(&devnet, &store);
        platform.chains[0].start_block = 1_000_000;
        let refused = try_start(platform).await.unwrap_err().to_string();
        assert!(refused.contains("chains.0.start_block"), "{refused}");
    }
}

/// The configuration with another line in the section of its chain.
fn with(toml: &str, line: &str) -> String {
    toml.replace("start_block = 0", &format!("start_block = 0\n{line}"))
}

#[tokio::test]
async fn a_wildcard_that_cannot_be_followed_is_refused_with_the_place_named() {
    let good = devnet().await.config_toml();
    let wildcard = |keys: &str| format!("{good}\n[[chains.wildcards]]\n{keys}\n");
    let twice = "protocol = \"erc20\"\n[[chains.wildcards]]\nprotocol = \"erc20\"\nname = \"again\"";
    let anonymous = "protocol = \"abi\"\nname = \"a\"\nsignatures = [\"A(uint8 x) anonymous\"]";
    let expected = [
        ("protocol = \"erc02\"", ".0.protocol", "erc20"),
        ("protocol = \"uniswap.v2.factory\"", ".0.protocol", "by address"),
        ("protocol = \"gnosis.conditional_tokens\"", ".0.protocol", "by address"),
        ("protocol = \"erc20\"\nonly = [\"Transfers\"]", ".0.only", "Transfer, Approval"),
        (
            "protocol = \"erc20\"\nwhere = { to = [\"0x00000000000000000000000000000000000000aa\"] }",
            ".0.where.to",
            "Approval",
        ),
        (
            "protocol = \"erc20\"\nonly = [\"Transfer\"]\nwhere = { to = [\"0x12\"] }",
            ".0.where.to",
            "address",
        ),
        ("protocol = \"erc20\"\nonly = [\"Transfer\"]\nwhere = { to = [] }", ".0.where.to", "empty"),
        (anonymous, ".0.only", "anonymous"),
        (twice, ".1.protocol", "twice"),
    ];
    for (keys, place, reason) in expected {
        let refused = refusal(&wildcard(keys)).await;
        assert!(
            refused.contains(&format!("chains.0.wildcards{place}")) && refused.contains(reason),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn an_indexer_without_a_chain_is_refused() {
    let refused = refusal("").await;
    assert!(refused.contains("no chain is configured"), "{refused}");
}

#[tokio::test]
async fn a_taken_port_is_refused_with_the_setting_that_changes_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = capstan_runtime::bind::<capstan_indexer::Indexer>(address).await.unwrap_err().to_string();
    assert!(refused.contains(&address.to_string()) && refused.contains("[indexer] listen"), "{refused}");
}

#[tokio::test]
async fn accounts_that_cannot_be_followed_are_refused_with_the_place_named() {
    let good = devnet().await.config_toml();
    let own = "addresses = [\"0x00000000000000000000000000000000000000aa\"]";
    let long = format!("addresses = [\"0x{}\"]", "aa".repeat(32));
    let expected = [
        ("addresses = []".to_owned(), "accounts.0.addresses", "empty"),
        (format!("{own}\nfollow = []"), "accounts.0.follow", "empty"),
        (long, "accounts.0.addresses", "EVM"),
        (format!("{own}\n[[chains.accounts]]\n{own}"), "accounts.1.addresses", "twice"),
        (
            format!(
                "{own}\n[[chains.contracts]]\nprotocol = \"native\"\naddress = \"0x00000000000000000000000000000000000000aa\""
            ),
            "contracts.5.protocol",
            "[[chains.accounts]]",
        ),
    ];
    for (keys, place, reason) in expected {
        let refused = refusal(&format!("{good}\n[[chains.accounts]]\n{keys}\n")).await;
        assert!(refused.contains(&format!("chains.0.{place}")) && refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn blocks_that_cannot_be_followed_are_refused_with_the_place_named() {
    let devnet = devnet().await;
    let good = devnet.config_toml();
    let expected = [
        ("every = 0", "blocks.0.every", "every block"),
        ("every = 5\n[[chains.blocks]]\nevery = 5\nstart_block = 1", "blocks.1.every", "twice"),
    ];
    for (keys, place, reason) in expected {
        let refused = refusal(&format!("{good}\n[[chains.blocks]]\n{keys}\n")).await;
        assert!(refused.contains(&format!("chains.0.{place}")) && refused.contains(reason), "{refused}");
    }
}
