//! Interleavings: every order in which several operations can take their steps, up to so many preemptions (Musuvathi and
//! Qadeer's bound: most faults of concurrency need one or two) and so many deaths.

use std::collections::HashSet;
use std::fmt;

use super::actor::{Actor, At, Work};
use super::calm::end;
use super::laws;
use super::model_psp::CALL;
use super::stage::{Prepare, Stage, Template};
use tollgate::steps::Step;

/// What those who race are told, and what must be true of it.
pub type Judge = fn(&[String]) -> Result<(), String>;

/// Several operations on one stage.
pub struct Race {
    pub name: &'static str,
    pub prepare: Prepare,
    pub actors: &'static [(&'static str, Work)],
    /// Besides the laws, which always hold.
    pub judge: Judge,
}

/// How far the search goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How often one is stopped although it could go on.
    pub preemptions: usize,
    /// How many die on the way.
    pub deaths: usize,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// This one goes on.
    Go(usize),
    /// This one dies.
    Die(usize),
}

/// A list of moves, written as `0 0 1 x0`: who goes, and who dies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule(pub Vec<Move>);

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moves: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&moves.join(" "))
    }
}

impl Move {
    fn who(self) -> usize {
        match self {
            Self::Go(who) | Self::Die(who) => who,
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go(who) => write!(f, "{who}"),
            Self::Die(who) => write!(f, "x{who}"),
        }
    }
}

impl Schedule {
    pub fn parse(text: &str) -> Self {
        let one = |word: &str| match word.strip_prefix('x') {
            Some(who) => Move::Die(who.parse().unwrap()),
            None => Move::Go(word.parse().unwrap()),
        };
        Self(text.split_whitespace().map(one).collect())
    }
}

/// A schedule that ends wrong.
#[derive(Debug)]
pub struct Failure {
    pub schedule: Schedule,
    /// What each move was, for people.
    pub story: Vec<String>,
    pub wrong: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  schedule: {}\n  {}", self.wrong, self.schedule, self.story.join("\n  "))
    }
}

/// A moment at which somebody was chosen.
struct Choice {
    options: Vec<Move>,
    taken: Move,
    /// Who went last and could go on.
    current: Option<usize>,
}

impl Choice {
    fn preempts(&self, next: Move) -> bool {
        matches!((self.current, next), (Some(current), Move::Go(who)) if current != who)
    }
}

/// How many schedules were tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tried {
    pub schedules: usize,
    /// Of which so many differ in more than the order of steps that have nothing to do with each other.
    pub different: usize,
}

/// Tries every schedule within `bounds`; stops at the first that ends wrong.
pub async fn explore(race: &Race, bounds: Bounds) -> Result<Tried, Failure> {
    let template = Template::make(race.prepare).await;
    let mut open = vec![Schedule::default()];
    let (mut tried, mut seen) = (Tried::default(), HashSet::new());
    while let Some(prefix) = open.pop() {
        let mut run = run(&template, race, &prefix, bounds).await;
        tried.schedules += 1;
        if seen.insert(run.essence()) {
            tried.different += 1;
            if let Some(failure) = run.failure(race).await {
                return Err(failure);
            }
        }
        open.extend(others(&run.choices, prefix.0.len(), bounds));
    }
    Ok(tried)
}

/// Runs one schedule; what it leaves open goes on without preemption.
pub async fn replay(race: &Race, schedule: &str) -> Result<(), Failure> {
    let template = Template::make(race.prepare).await;
    let bounds = Bounds { preemptions: usize::MAX, deaths: usize::MAX };
    let mut run = run(&template, race, &Schedule::parse(schedule), bounds).await;
    run.failure(race).await.map_or(Ok(()), Err)
}

/// The schedules that leave this run at one of its later moments, within the bounds.
fn others(choices: &[Choice], from: usize, bounds: Bounds) -> Vec<Schedule> {
    let mut found = Vec::new();
    let (mut preemptions, mut deaths) = (0, 0);
    for (at, choice) in choices.iter().enumerate() {
        for option in choice.options.iter().filter(|option| at >= from && **option != choice.taken) {
            let preemptions = preemptions + usize::from(choice.preempts(*option));
            let deaths = deaths + usize::from(matches!(option, Move::Die(_)));
            if preemptions <= bounds.preemptions && deaths <= bounds.deaths {
                let before = choices[..at].iter().map(|choice| choice.taken);
                found.push(Schedule(before.chain([*option]).collect()));
            }
        }
        preemptions += usize::from(choice.preempts(choice.taken));
        deaths += usize::from(matches!(choice.taken, Move::Die(_)));
    }
    found
}

/// A schedule that was carried out; what follows it was not, yet.
struct Run {
    stage: Stage,
    actors: Vec<Actor>,
    choices: Vec<Choice>,
    /// Before which step each move found its actor; none for a death.
    steps: Vec<Option<Step>>,
    story: Vec<String>,
    stuck: bool,
}

impl Run {
    /// The same for two schedules that differ only in the order of neighbours that have nothing to do with each other: for
    /// each move, how long the chain of moves is that it had to wait for (the normal form of Foata).
    fn essence(&self) -> Vec<(usize, usize, bool)> {
        let mut depths: Vec<usize> = Vec::new();
        let mut essence = Vec::new();
        for (at, choice) in self.choices.iter().enumerate() {
            let (who, dies) = (choice.taken.who(), matches!(choice.taken, Move::Die(_)));
            let earlier = (0..at).filter(|&before| {
                self.choices[before].taken.who() == who || touch(self.steps[before].as_ref(), self.steps[at].as_ref())
            });
            let depth = earlier.map(|before| depths[before] + 1).max().unwrap_or(0);
            depths.push(depth);
            essence.push((depth, who, dies));
        }
        essence.sort_unstable();
        essence
    }

    /// What is wrong once all of it is over, if anything is.
    async fn failure(&mut self, race: &Race) -> Option<Failure> {
        let wrong = judged(self, race).await.err()?;
        let schedule = Schedule(self.choices.iter().map(|choice| choice.taken).collect());
        Some(Failure { schedule, story: self.story.clone(), wrong })
    }
}

/// Whether two steps of different actors may come to something else the other way round: reads change nothing, and the PSP
/// does not know our database.
fn touch(one: Option<&Step>, other: Option<&Step>) -> bool {
    let calls_psp = |step: &Step| matches!(step, Step::Call(what) if what.starts_with(CALL));
    match (one, other) {
        // Who dies outside of a transaction does nothing to the others.
        (Some(Step::Look(_)), Some(Step::Look(_))) | (None, _) | (_, None) => false,
        (Some(Step::Look(_) | Step::Begin), Some(step)) | (Some(step), Some(Step::Look(_) | Step::Begin)) => {
            !calls_psp(step)
        }
        _ => true,
    }
}

async fn run(template: &Template, race: &Race, prefix: &Schedule, bounds: Bounds) -> Run {
    let stage = template.stage().await;
    let mut actors = Vec::new();
    for (name, work) in race.actors {
        actors.push(Actor::begin(name, work(stage.clone())).await);
    }
    let (choices, steps, story) = (Vec::new(), Vec::new(), Vec::new());
    let mut run = Run { stage, actors, choices, steps, story, stuck: false };
    let mut last = None;
    let mut wanted = prefix.0.iter();
    while run.actors.iter().any(|actor| !actor.is_over()) {
        let able: Vec<usize> = (0..run.actors.len()).filter(|who| can_go(&run.actors, *who)).collect();
        let Some(first) = able.first() else {
            run.stuck = true;
            return run;
        };
        let current = last.filter(|who| able.contains(who));
        let mut options: Vec<Move> = able.iter().map(|who| Move::Go(*who)).collect();
        if bounds.deaths > 0 {
            options.extend((0..run.actors.len()).filter(|who| !run.actors[*who].is_over()).map(Move::Die));
        }
        let taken = wanted.next().copied().unwrap_or(Move::Go(current.unwrap_or(*first)));
        assert!(options.contains(&taken), "the schedule does not fit: {taken} of {options:?} after {:?}", run.story);
        run.choices.push(Choice { options, taken, current });
        match taken {
            Move::Go(who) => {
                run.steps.push(step_of(&run.actors[who]));
                run.story.push(told(&run.actors[who], ""));
                run.actors[who].go_on().await;
                last = Some(who);
            }
            Move::Die(who) => {
                run.steps.push(run.actors[who].has_open_transaction().then_some(Step::Begin));
                run.story.push(told(&run.actors[who], "dies before "));
                run.actors[who].die();
                last = None;
            }
        }
    }
    run
}

fn told(actor: &Actor, what: &str) -> String {
    match &actor.at {
        At::Before(step) => format!("{}: {what}{step:?}", actor.name),
        At::Over(said) => format!("{}: over, {said}", actor.name),
    }
}

/// There is one writer: who wants to begin while another has begun would wait for ever.
fn can_go(actors: &[Actor], who: usize) -> bool {
    match &actors[who].at {
        At::Over(_) => false,
        At::Before(Step::Begin) => !actors.iter().any(Actor::has_open_transaction),
        At::Before(_) => true,
    }
}

fn step_of(actor: &Actor) -> Option<Step> {
    match &actor.at {
        At::Before(step) => Some(step.clone()),
        At::Over(_) => None,
    }
}

async fn judged(run: &mut Run, race: &Race) -> Result<(), String> {
    if run.stuck {
        return Err("nobody can go on: each waits for the other's transaction".to_owned());
    }
    let (stage, actors) = (&run.stage, &run.actors);
    let said: Vec<String> = actors
        .iter()
        .map(|actor| match &actor.at {
            At::Over(said) => said.clone(),
            At::Before(step) => format!("{step:?}"),
        })
        .collect();
    let mut wrong: Vec<String> = actors.iter().flat_map(Actor::wrong).collect();
    wrong.extend(said.iter().filter(|said| said.starts_with("panicked")).cloned());
    wrong.extend(laws::always(stage).await);
    end(stage).await?;
    wrong.extend(laws::broken(stage).await);
    wrong.extend((race.judge)(&said).err());
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n  they said: {said:?}", wrong.join("\n  "))) }
}
