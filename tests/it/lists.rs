//! Every way in which a list may be asked for is understood by both databases, and each thing that it may be narrowed to is found by an
//! index. The lists are read from the sources and put together by the program's own [`List`].

use sqlx::{AssertSqlSafe, Row};
use tollgate::db::{Db, List};
use tollgate::words::{MerchantId, Mode, Page, Tenant};

use crate::statements::prepare;
use crate::support::source::{self, Source, closing};
use crate::support::{Engine, World, both_databases, run};

/// What a list may be narrowed to without an index of its own: what is left is looked through.
const LOOKED_THROUGH: [(&str, &str); 6] = [
    // One more index on the table with the most rows, for a question that the list of events answers by its index.
    ("webhook_deliveries", "kind"),
    // A merchant's differences are few, and those that are open have an index; a run's are asked for of everybody.
    ("breaks", "run_id"),
    ("breaks", "source"),
    ("breaks", "class"),
    ("breaks", "type"),
    ("breaks", "opened_at"),
];

/// A list as it stands in a store.
struct Found {
    place: String,
    table: &'static str,
    narrowed: Vec<Narrowing>,
    /// Columns, join and last order of [`List::page_with`].
    with: Option<[&'static str; 3]>,
}

/// One call that narrows a list, and what it says.
struct Narrowing {
    verb: &'static str,
    words: Vec<&'static str>,
}

const VERBS: [&str; 7] = ["only", "of_one", "of_one_in", "belonging", "created", "having", "when"];

impl Narrowing {
    fn apply(&self, list: List) -> List {
        match (self.verb, self.words.as_slice()) {
            ("only", [column]) => list.only(column, "x"),
            ("of_one", [column]) => list.of_one(column, "x"),
            ("of_one_in", [column, order]) => list.of_one_in(column, "x", order),
            ("belonging", [column, parents]) => list.belonging(column, parents, "x"),
            ("created", [comparison]) => list.created(comparison, 1_i64),
            ("having", [column, comparison]) => list.having(column, comparison, 1_i64),
            ("when", [condition]) => list.when(condition, true),
            (verb, words) => panic!("{verb} with {words:?} is not known here"),
        }
    }

    /// The column that an index has to find; none where the condition has no value.
    fn column(&self) -> Option<&'static str> {
        match self.verb {
            "when" => None,
            "created" => Some("created_at"),
            _ => Some(self.words[0]),
        }
    }
}

impl Found {
    fn asked(&self, narrowed: &[&Narrowing], page: &Page) -> String {
        let tenant = Tenant::new(MerchantId::new(), Mode::Test);
        let list = narrowed.iter().fold(List::of(self.table, &tenant), |list, narrowing| narrowing.apply(list));
        let query = match self.with {
            Some([columns, joined, last]) => list.page_with(columns, joined, last, page),
            None => list.page(page),
        };
        query.sql().to_owned()
    }
}

fn lists(source: &Source) -> Vec<Found> {
    let code = source.code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.match_indices("List::of(")
        .map(|(at, call)| {
            let end = at + code[at..].find(".all(").expect("a list is read");
            let words = |open: usize| -> Vec<&'static str> {
                let close = closing(code, open).unwrap();
                let inside = source.literals.iter().filter(|literal| (open..close).contains(&literal.at));
                inside.map(|literal| -> &'static str { literal.text.clone().leak() }).collect()
            };
            let mut narrowed: Vec<(usize, Narrowing)> = Vec::new();
            for verb in VERBS {
                let call = format!(".{verb}(");
                let opens = code[at..end].match_indices(&call).map(|(i, call)| at + i + call.len() - 1);
                narrowed.extend(opens.map(|open| (open, Narrowing { verb, words: words(open) })));
            }
            narrowed.sort_by_key(|(open, _)| *open);
            let with =
                code[at..end].find(".page_with(").map(|i| words(at + i + ".page_with".len()).try_into().unwrap());
            Found {
                place: format!("{}:{}", source.path, source.line_at(at)),
                table: words(at + call.len() - 1)[0],
                narrowed: narrowed.into_iter().map(|(_, narrowing)| narrowing).collect(),
                with,
            }
        })
        .collect()
}

fn every_list() -> Vec<Found> {
    let sources = source::all();
    let found: Vec<Found> = sources.iter().filter(|source| source.module() != "db").flat_map(lists).collect();
    assert!(found.len() > 8, "only {} lists were found", found.len());
    found
}

fn pages() -> [Page; 3] {
    [Page::newest(20), Page::after(20, "x".to_owned()), Page::before(20, "x".to_owned())]
}

both_databases!(every_list_is_understood);

async fn every_list_is_understood(world: World) {
    let mut wrong = Vec::new();
    for list in every_list() {
        let all: Vec<&Narrowing> = list.narrowed.iter().collect();
        let each = all.iter().map(|one| vec![*one]);
        for narrowed in [Vec::new(), all.clone()].into_iter().chain(each) {
            for page in pages() {
                let sql = list.asked(&narrowed, &page);
                if let Err(error) = prepare(&world, &sql).await {
                    wrong.push(format!("{}: {error}\n    {sql}", list.place));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "lists that {:?} does not take:\n{}", world.engine, wrong.join("\n"));
}

#[test]
fn what_a_list_is_narrowed_to_is_found_by_an_index() {
    run(Engine::Sqlite, async |world: World| {
        let mut wrong = Vec::new();
        for list in every_list() {
            // A condition without a value that always holds is one of the others' too.
            for narrowing in &list.narrowed {
                let looked_through = |column: &&str| LOOKED_THROUGH.contains(&(list.table, *column));
                let Some(column) = narrowing.column().filter(|column| !looked_through(column)) else { continue };
                let kept = list.narrowed.iter().filter(|one| one.verb == "when" && list.table == "payment_methods");
                let asked: Vec<&Narrowing> = kept.chain([narrowing]).collect();
                for page in pages() {
                    let sql = list.asked(&asked, &page);
                    let steps = plan(&world, &sql).await;
                    let found = ["=?", ">?", "<?"].iter().any(|sign| {
                        steps.iter().any(|step| step.contains("SEARCH") && step.contains(&format!("{column}{sign}")))
                    });
                    // Of one thing there are few to be sorted.
                    let many = narrowing.verb == "only" || narrowing.verb == "created";
                    let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
                    if !found || (many && sorted) {
                        wrong.push(format!("{} by {column}: {steps:?}\n    {sql}", list.place));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "these read more than they are asked for:\n{}", wrong.join("\n"));
    });
}

async fn plan(world: &World, sql: &str) -> Vec<String> {
    let Db::Sqlite { read, .. } = &world.db else { panic!("asked for SQLite") };
    let steps = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}"))).fetch_all(read).await.unwrap();
    steps.iter().map(|step| step.get("detail")).collect()
}

#[test]
fn a_list_is_read_from_its_source() {
    let found = lists(&Source::parse(
        "src/ledger/store.rs",
        r#"fn f() {
            let rows = List::of("payments", tenant)
                .only("status", filter.status.map(Status::as_str))
                .created(">=", filter.from)
                .page_with("p.a, p.b", "parts p on p.id = page.id", "p.a", page)
                .all(on);
        }"#,
    ));
    assert_eq!((found.len(), found[0].table), (1, "payments"));
    assert_eq!(found[0].narrowed.iter().filter_map(Narrowing::column).collect::<Vec<_>>(), ["status", "created_at"]);
    assert_eq!(found[0].with, Some(["p.a, p.b", "parts p on p.id = page.id", "p.a"]));
}
