//! Every statement in the sources is prepared on both databases, on the present schema: a misspelt column, or SQL
//! that only one of the two understands, is seen without a test having to reach it.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, SqlSafeStr};
use tollgate::db::Db;

use crate::support::source::{self, Source, closing, macros};
use crate::support::{Engine, World, both_databases};

both_databases!(every_statement_is_understood);

async fn every_statement_is_understood(world: World) {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in source::all().iter().filter(|source| source.is_store() && source.module() != "simulator") {
        for statement in statements(source) {
            let statement = match statement {
                Ok(statement) => statement,
                Err(complaint) => {
                    wrong.push(complaint);
                    continue;
                }
            };
            if statement.only.is_some_and(|only| only != world.engine) {
                continue;
            }
            seen += 1;
            if let Err(error) = prepare(&world, &statement.sql).await {
                wrong.push(format!("{}:{}: {error}\n    {}", source.path, statement.line, statement.sql));
            }
        }
    }
    assert!(wrong.is_empty(), "statements that {:?} does not take:\n{}", world.engine, wrong.join("\n"));
    assert!(seen > 0, "no statement was found in any store");
}

pub async fn prepare(world: &World, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
    match &world.db {
        Db::Sqlite { write, .. } => write.acquire().await?.prepare(sql).await.map(drop),
        // Without the parameters' types, so that PostgreSQL has to know each from the statement itself.
        Db::Postgres(pool) => pool.acquire().await?.prepare(sql).await.map(drop),
    }
}

/// The simulator is a PSP of its own with a store of its own, on SQLite only.
#[tokio::test]
async fn every_statement_of_the_simulator_is_understood() {
    let mut connection = "sqlite::memory:".parse::<SqliteConnectOptions>().unwrap().connect().await.unwrap();
    let mut steps: Vec<_> = std::fs::read_dir(source::root().join("migrations/simulator"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    steps.sort();
    for step in steps {
        connection.execute(AssertSqlSafe(std::fs::read_to_string(step).unwrap())).await.unwrap();
    }
    let mut wrong = Vec::new();
    for source in source::all().iter().filter(|source| source.is_store() && source.module() == "simulator") {
        for statement in statements(source) {
            match statement {
                Ok(statement) => {
                    let sql = AssertSqlSafe(statement.sql.clone()).into_sql_str();
                    if let Err(error) = (&mut connection).prepare(sql).await {
                        wrong.push(format!("{}:{}: {error}\n    {}", source.path, statement.line, statement.sql));
                    }
                }
                Err(complaint) => wrong.push(complaint),
            }
        }
    }
    assert!(wrong.is_empty(), "statements of the simulator that SQLite does not take:\n{}", wrong.join("\n"));
}

pub struct Statement {
    pub line: usize,
    pub sql: String,
    /// One half of a `pick`.
    pub only: Option<Engine>,
}

/// The statements of one store. What cannot be told from the source alone is a complaint, not a gap.
pub fn statements(source: &Source) -> Vec<Result<Statement, String>> {
    let code = match source.code.find("#[cfg(test)]\nmod tests {") {
        _ if source.path.ends_with("/tests.rs") => return Vec::new(),
        Some(end) => &source.code[..end],
        None => &source.code,
    };
    let mut found = Vec::new();
    let mut taken = Vec::new();
    let complain = |at: usize, what: &str| Err(format!("{}:{}: {what}", source.path, source.line_at(at)));

    let definitions = macros::definitions(code);
    for call in macros::calls(code, &definitions) {
        taken.extend(source.literals.iter().map(|literal| literal.at).filter(|at| call.range.contains(at)));
        match macros::text(source, code, &definitions, &call) {
            Some(sql) if is_statement(&sql) => {
                found.push(Ok(Statement { line: source.line_at(call.range.start), sql, only: None }));
            }
            _ => found.push(complain(call.range.start, "a macro whose text this test cannot put together")),
        }
    }
    for definition in &definitions {
        taken.extend(source.literals.iter().map(|literal| literal.at).filter(|at| definition.range.contains(at)));
    }

    for (at, call) in code.match_indices(".pick(") {
        if code[..at].ends_with("self") {
            continue;
        }
        let mut from = at + call.len();
        for only in [Engine::Sqlite, Engine::Postgres] {
            let Some((text, next)) = text_from(source, code, from) else {
                found.push(complain(at, "pick() of something that is neither a literal nor a const of this file"));
                break;
            };
            taken.push(text.at);
            found.push(Ok(Statement { line: text.line, sql: text.text.clone(), only: Some(only) }));
            from = code[next..].find(',').map_or(next, |comma| next + comma + 1);
        }
    }

    for (at, call) in code.match_indices("insert_many(") {
        if code[..at].ends_with("fn ") {
            continue;
        }
        let Some((head, next)) = text_from(source, code, at + call.len()) else {
            found.push(complain(at, "insert_many() of something that is neither a literal nor a const of this file"));
            continue;
        };
        let Some(end) = closing(code, at + call.len() - 1) else { continue };
        // Past the rows, the last argument is the tail.
        let tail = source.literals.iter().rfind(|literal| literal.at > next && literal.at < end);
        let columns = head.text.matches(',').count() + 1;
        let places: Vec<String> = (1..=columns).map(|place| format!("${place}")).collect();
        let sql = format!("{} values ({}) {}", head.text, places.join(", "), tail.map_or("", |tail| &tail.text));
        taken.push(head.at);
        found.push(Ok(Statement { line: head.line, sql, only: None }));
    }

    for (at, call) in code.match_indices("query(") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') || code[..at].ends_with("fn ") {
            continue;
        }
        if let Some(literal) = source.literal_from(at + call.len()).filter(|literal| !taken.contains(&literal.at)) {
            taken.push(literal.at);
            found.push(Ok(Statement { line: literal.line, sql: literal.text.clone(), only: None }));
        }
    }

    // `query()` takes only text known at compile time, so whatever else it may be given stands here too.
    for literal in source.literals.iter().filter(|literal| literal.at < code.len() && !taken.contains(&literal.at)) {
        if is_statement(&literal.text) {
            found.push(Ok(Statement { line: literal.line, sql: literal.text.clone(), only: None }));
        }
    }
    found
}

fn is_statement(text: &str) -> bool {
    let text = text.trim_start();
    ["select ", "select\n", "insert into ", "update ", "delete from ", "with "]
        .iter()
        .any(|verb| text.starts_with(verb))
}

/// The literal at this place, or the one that the constant named here holds; and where the place ends.
fn text_from<'s>(source: &'s Source, code: &str, from: usize) -> Option<(&'s source::Literal, usize)> {
    let from = from + (code[from..].len() - code[from..].trim_start().len());
    if let Some(literal) = source.literal_from(from) {
        return Some((literal, from + 2));
    }
    let name: String = code[from..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let declared = code.find(&format!("const {name}:"))?;
    let value = declared + code[declared..].find('=')? + 1;
    Some((source.literal_from(value)?, from + name.len()))
}

#[test]
fn no_way_of_writing_a_statement_is_overlooked() {
    let source = Source::parse(
        "src/ledger/store.rs",
        r##"
        const ODD: &str = "set local lock_timeout = 1";
        macro_rules! scope { ($t:literal) => { concat!($t, ".m = $1") }; }
        macro_rules! page {
            ($side:literal, $order:literal) => { concat!("select d from t where ", scope!("t"), $side, " order by ", $order) };
        }
        macro_rules! all { ($($rows:expr),+) => { concat!("select (", $($rows),+, ")") }; }
        const WALLETS: &str = all!("a ", scope!("b"), " c");
        const LIST: &str = "select a from t";
        fn f() {
            query("select 1").all(db);
            query(
                r#"delete from t"#,
            );
            query(LIST);
            query(db.pick("select 2", ODD));
            insert_many("insert into t (a, b)", rows.map(|r| g(r, "x")).collect(), "on conflict do nothing");
            query(unknown.pick(FROM_ELSEWHERE, "select 3"));
            log("Select a card");
            query(concat!("select ", "c"));
            query(page!("<", "desc"));
        }
        #[cfg(test)]
mod tests {
            fn g() { query("select nothing from nowhere") }
        }"##,
    );
    let mut seen: Vec<String> = statements(&source)
        .into_iter()
        .map(|statement| match statement {
            Ok(Statement { sql, only, .. }) => {
                format!("{} {sql}", only.map_or("Both".to_owned(), |only| format!("{only:?}")))
            }
            Err(complaint) => complaint,
        })
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "Both delete from t",
            "Both insert into t (a, b) values ($1, $2) on conflict do nothing",
            "Both select (a b.m = $1 c)",
            "Both select 1",
            "Both select 3",
            "Both select a from t",
            "Both select c",
            "Both select d from t where t.m = $1< order by desc",
            "Postgres set local lock_timeout = 1",
            "Sqlite select 2",
            "src/ledger/store.rs:18: pick() of something that is neither a literal nor a const of this file",
        ]
    );
}
