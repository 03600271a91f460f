//! What the parts of a running station share: the store, the clock and whoever watches. Each borrows it only
//! for one call, so that a run inside a handler can use it too.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::flow::codes::Code;
use crate::flow::model::Program;
use crate::flow::model::station::{Drop, OutboxPlan, StateVar, Station as Plan};
use crate::hooks::{self, Value};
use crate::link::Clock;
use crate::run::failure::Failure;
use crate::run::home::{Effects, Home, Post};
use crate::run::mask_text::Masked;
use crate::store::{Bounds, DropPolicy, Lane, NewEffects, NewRow, Store, StoreError, StoreNews};

use super::command::ask;
use super::event::{Happening, LaneName, Watcher};
use super::tally::Tally;

/// Somebody who watches, shared with the runs.
pub type SharedWatcher = Rc<RefCell<dyn Watcher>>;

/// What is shared.
pub(super) struct Shared {
    pub store: RefCell<Store>,
    pub watcher: SharedWatcher,
    pub clock: Rc<dyn Clock>,
    pub masked: Masked,
    pub tally: RefCell<Tally>,
    /// On whose behalf the run at hand works.
    pub author: RefCell<Author>,
    /// A value of `state` changed since the loop last looked.
    pub state_changed: Cell<bool>,
    /// The next session with the broker begins without what it remembers.
    pub clean_session: Cell<bool>,
    /// The module may wait for data, and that is on disk.
    pub data_owed: Cell<bool>,
}

/// On whose behalf rows are written.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub lane: Lane,
    pub name: String,
}

impl Shared {
    pub fn tell(&self, happening: &Happening) {
        self.tally.borrow_mut().count(self.clock.now(), happening);
        self.watcher.borrow_mut().happened(self.clock.now(), happening);
    }

    /// Milliseconds since the machine's boot.
    pub fn now_ms(&self) -> i64 {
        self.clock.since_boot_ms()
    }

    /// What the store has to say since the last call.
    pub fn tell_store_news(&self) {
        let news = self.store.borrow_mut().take_news();
        for news in news {
            let happening = match news {
                StoreNews::Volatile { why } => Happening::StoreVolatile { why },
                StoreNews::Restored { rows } => Happening::StoreRestored { rows },
                StoreNews::Corrupt { kept_as, salvaged } => {
                    Happening::StoreCorrupt { kept_as: kept_as.display().to_string(), salvaged }
                }
                StoreNews::Dropped { first, last, count, reason } => {
                    Happening::ReportDropped { first, last, count, reason: reason.word().to_string() }
                }
            };
            self.tell(&happening);
        }
    }

    /// Writes rows, values and timers, all or nothing, and tells of them.
    pub fn commit(&self, effects: &NewEffects) -> Result<Vec<u64>, StoreError> {
        let seqs = self.store.borrow_mut().commit(self.now_ms(), effects);
        self.tell_store_news();
        let seqs = seqs?;
        self.tell_effects(effects, &seqs);
        Ok(seqs)
    }

    /// Tells of what has just become durable.
    pub fn tell_effects(&self, effects: &NewEffects, seqs: &[u64]) {
        for (row, seq) in effects.rows.iter().zip(seqs) {
            self.tell(&Happening::ReportQueued {
                seq: *seq,
                topic: self.masked.text(&row.topic),
                bytes: row.payload.len() as u64,
                lane: lane_name(row.lane),
                source: self.masked.text(&row.source),
            });
        }
        for (name, value) in &effects.state {
            self.state_changed.set(true);
            self.tell(&Happening::StateSet {
                name: name.clone(),
                value: self.masked.text(&value.to_string()),
            });
        }
        for timer in &effects.timers {
            let in_ms = u64::try_from(timer.due_ms - self.now_ms()).unwrap_or(0);
            self.tell(&Happening::TimerSet { flow: timer.flow.clone(), in_ms });
        }
    }
}

/// The queue's name, as it is told.
pub(super) fn lane_name(lane: Lane) -> LaneName {
    match lane {
        Lane::Reply => LaneName::Reply,
        Lane::Event => LaneName::Event,
        Lane::Report => LaneName::Report,
    }
}

/// What the plan says about the outbox, as the store takes it.
pub(super) fn bounds(plan: &OutboxPlan) -> Bounds {
    Bounds {
        max_rows: plan.max_rows,
        max_bytes: plan.max_bytes,
        keep_ms: i64::try_from(plan.keep.as_millis()).unwrap_or(i64::MAX),
        drop: match plan.drop {
            Drop::Oldest => DropPolicy::Oldest,
            Drop::Newest => DropPolicy::Newest,
        },
    }
}

/// A message as a row of the outbox. What answers somebody outside, or passes on what came, gives no secret
/// away; a report says what its file says.
pub(super) fn row_of(post: Post, author: &Author, masked: &Masked) -> NewRow {
    let payload = match author.lane {
        Lane::Report => post.payload,
        Lane::Reply | Lane::Event => masked.bytes(&post.payload).into_owned(),
    };
    NewRow {
        lane: author.lane,
        topic: post.topic,
        qos: post.qos,
        retain: post.retain,
        payload,
        source: author.name.clone(),
    }
}

/// The station as its runs see it.
pub(super) struct StationHome {
    shared: Rc<Shared>,
    program: Rc<Program>,
}

impl StationHome {
    pub fn new(shared: Rc<Shared>, program: Rc<Program>) -> Self {
        Self { shared, program }
    }
}

/// The plan of a program that is a station.
pub(super) fn plan_of(program: &Program) -> &Plan {
    // The loop is only ever built of a program that has one.
    program.station.as_ref().unwrap_or_else(|| unreachable!("a station's program has a plan"))
}

/// A value of `state` as it is now.
pub(super) fn state_value(store: &Store, var: &StateVar) -> Value {
    let stored = store.state().get(&*var.name).and_then(|json| hooks::from_json(json).ok());
    // What an earlier version of the file stored may not fit any more.
    stored.filter(|value| var.rule.check(value).is_ok()).unwrap_or_else(|| var.default.clone())
}

/// All values of `state`.
pub(super) fn state_map(store: &Store, plan: &Plan) -> Value {
    hooks::map_of(plan.state.iter().map(|var| (&*var.name, state_value(store, var))))
}

impl Home for StationHome {
    fn state(&self) -> Value {
        state_map(&self.shared.store.borrow(), plan_of(&self.program))
    }

    fn state_name(&self, index: usize) -> Arc<str> {
        Arc::clone(&plan_of(&self.program).state[index].name)
    }

    fn check_state(&self, name: &str, value: &Value) -> Result<(), Failure> {
        ask::new_state(&plan_of(&self.program).state, name, value).map_err(Failure::check)
    }

    fn subscriptions(&self) -> Value {
        let filters = &plan_of(&self.program).subscriptions;
        hooks::list_of(filters.iter().map(|filter| Value::from(filter.clone())))
    }

    fn clean_session(&self) -> bool {
        self.shared.clean_session.get()
    }

    fn default_qos(&self) -> u8 {
        plan_of(&self.program).outbox.qos
    }

    fn data_begins(&self) {
        self.shared.data_begins();
    }

    fn commit(&self, effects: Effects) -> Result<(), Failure> {
        let author = self.shared.author.borrow().clone();
        let mut state = Vec::new();
        for (name, value) in effects.state {
            state.push((name.to_string(), stored_form(&name, &value).map_err(Failure::check)?));
        }
        let rows = effects.posts.into_iter().map(|post| row_of(post, &author, &self.shared.masked)).collect();
        let effects = NewEffects { rows, state, timers: Vec::new() };
        match self.shared.commit(&effects) {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::new(Code::FAILED_STORE, "storage", error.to_string())
                .help("make room on the disk, or look at `atflow outbox list`")),
        }
    }
}

/// A value of `state` as it is stored.
pub(super) fn stored_form(name: &str, value: &Value) -> Result<serde_json::Value, String> {
    hooks::to_json(value).map_err(|why| format!("`state.{name}` cannot be stored: {why}"))
}
