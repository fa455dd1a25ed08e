//! Every fault and warning of a resolved schedule, as the reader sees it.

use std::collections::BTreeMap;

use crate::schedule::{
    Group, Target,
    testing::{Run, messages},
};

const QUIET: [&str; 0] = [];

#[test]
fn a_sound_config_says_nothing() {
    let text = r#"
        [[schedule]]
        type = "warmup"
        for = "5 epochs"
        [[schedule]]
        type = "constant"
        [[schedule]]
        type = "poly"
        for = "20%"
        power = 0.9
        floor_value = 1e-6
        [[schedule]]
        track = "drops"
        type = "multistep"
        at = ["60%", "80%"]
    "#;
    assert_eq!(messages(text, 1000), QUIET);
}

#[test]
fn faults_of_several_entries_come_together_and_in_order() {
    let text = r#"
        [[schedule]]
        type = "warmup"
        [[schedule]]
        type = "poly"
        power = -1.0
        [[schedule]]
        type = "step"
        size = "0 steps"
        floor = nan
        for = "200 steps"
    "#;
    assert_eq!(
        messages(text, 100),
        [
            "schedule[0] `for`: 2 phases of one chain have no length of their own: `schedule[0] (warmup)`, `schedule[1] (poly)`; hint: `for` defaults to \"rest\", which one phase can take; give the others a length such as `for = \"5 epochs\"`",
            "schedule[1] `power`: `-1` is not a finite number of at least 0",
            "schedule[2] `floor`: `NaN` is not a finite number",
            "schedule[2] `size`: `0 steps` is a period of zero steps; hint: at least \"1 step\"",
            "schedule[2] `for`: the phase runs `200 steps`, but `100` of the horizon's `100` are left; hint: shorten a phase, or lengthen `horizon` or the run in [train]",
        ]
    );
}

#[test]
fn a_value_above_its_ceiling_is_refused() {
    let text = "[[schedule]]\ntype = \"linear\"\nfrom = 2.0\nceil = 1.5";
    assert_eq!(
        messages(text, 10),
        ["schedule[0] `from`: `2` is above `ceil` `1.5`"]
    );
    let run = Run {
        base: 0.1,
        ..Run::default()
    };
    let mixed = "[[schedule]]\ntype = \"linear\"\nto = 0.6\nceil_value = 0.05";
    assert_eq!(
        run.messages(mixed, vec![run.group()]),
        ["schedule[0] `to`: `0.6` is above `ceil_value` `0.05`"]
    );
    let crossed = "[[schedule]]\ntype = \"linear\"\nfloor = 0.5\nceil = 0.25";
    assert_eq!(
        messages(crossed, 10),
        ["schedule[0] `floor`: `0.5` is above `ceil` `0.25`"]
    );
    let clipped = "[[schedule]]\ntype = \"linear\"\nceil = 0.5";
    assert_eq!(messages(clipped, 10), QUIET, "a carried value is clipped");
}

#[test]
fn jumps_at_joins_are_pointed_out_unless_they_are_meant() {
    let text = |from: &str| {
        format!(
            "[[schedule]]\ntype = \"constant\"\nfor = \"10 steps\"\n[[schedule]]\ntype = \"warmup\"\n{from}"
        )
    };
    assert_eq!(
        messages(&text(""), 40),
        [
            "schedule[1] `from`: the value jumps from `1` to `0` at step `10`; hint: `from = \"carry\"` goes on smoothly; write `from` to say that the jump is meant"
        ]
    );
    assert_eq!(messages(&text("from = 0.0"), 40), QUIET);
    let half = "[[schedule]]\ntype = \"constant\"\nfor = \"10 steps\"\n[[schedule]]\ntype = \"cosine\"\nhalf = true";
    assert_eq!(messages(half, 40).len(), 1, "half a cosine begins half-way");
    let smooth = "[[schedule]]\ntype = \"constant\"\nfor = \"30 steps\"\n[[schedule]]\ntype = \"linear\"\ninclude = \"end\"";
    assert_eq!(messages(smooth, 35), QUIET, "the first step is no jump");
}

#[test]
fn a_wasted_first_update_is_pointed_out() {
    let text = "[[schedule]]\ntype = \"linear\"\nfrom = 0.0\nto = 1.0";
    assert_eq!(
        messages(text, 10),
        [
            "schedule[0] `from`: the learning rate is `0` at update `0`; hint: `include = \"end\"` begins one step further, as `warmup` does"
        ]
    );
    let frozen = "[[schedule]]\ntype = \"constant\"\nfor = \"3 steps\"\nfrom = 0.0\n[[schedule]]\ntype = \"constant\"\nfrom = \"base\"";
    assert_eq!(messages(frozen, 10), QUIET, "frozen on purpose");
}

#[test]
fn curves_that_do_not_fit_their_phases() {
    let text = |keys: &str| format!("[[schedule]]\ntype = \"poly\"\n{keys}");
    assert_eq!(
        messages(&text("over = \"50 steps\""), 40),
        [
            "schedule[0] `over`: the curve takes `50 steps`, the phase runs `40`: the decay does not reach its `to`"
        ]
    );
    assert_eq!(
        messages(&text("over = \"10 steps\"\npast = \"error\""), 40),
        [
            "schedule[0] `over`: the curve takes `10 steps`, the phase runs `40`, and `past` is \"error\"; hint: shorten the phase, or choose what happens past the curve: clamp, mirror or repeat"
        ]
    );
    assert_eq!(
        messages(&text("over = \"40 steps\"\npast = \"error\""), 40),
        QUIET
    );
}

#[test]
fn keys_without_effect_are_pointed_out() {
    let text = "[[schedule]]\ntype = \"constant\"\nto = 0.5\ninclude = \"end\"";
    assert_eq!(
        messages(text, 10),
        [
            "schedule[0] `to`: `to` has no effect: `constant` has no end to reach",
            "schedule[0] `include`: `include` has no effect: `constant` counts steps",
        ]
    );
    let factor = "[[schedule]]\ntype = \"linear\"\ntimes = [{ type = \"constant\", to = 0.5 }]";
    assert_eq!(
        messages(factor, 10),
        ["schedule[0] `times[0].to`: `to` has no effect: `constant` has no end to reach"]
    );
}

#[test]
fn factors_of_nothing_are_pointed_out() {
    let run = Run {
        target: Target::WeightDecay,
        base: 0.0,
        ..Run::default()
    };
    let text = "[[schedule]]\ntarget = \"weight_decay\"\ntype = \"cosine\"";
    assert_eq!(
        run.messages(text, vec![run.group()]),
        [
            "schedule[0] `target`: the base of `weight_decay` is `0`, and so are all factors of it; hint: use `from_value` and `to_value`, or set `weight_decay` in [optimizer]"
        ]
    );
    let absolute = format!("{text}\nfrom_value = 0.04\nto_value = 0.4");
    assert_eq!(run.messages(&absolute, vec![run.group()]), QUIET);
}

#[test]
fn faults_of_factors_say_which() {
    let text = "[[schedule]]\ntype = \"linear\"\ntimes = [{ type = \"warmup\", over = \"2 steps\" }, { type = \"multistep\", at = [\"99 steps\"] }]";
    assert_eq!(
        messages(text, 10),
        [
            "schedule[0] `times[1].at[0]`: milestone `99 steps` is never reached: the phase runs `10 steps`"
        ]
    );
    let strict = "[[schedule]]\ntype = \"linear\"\ntimes = [{ type = \"warmup\", over = \"2 steps\", past = \"error\" }]";
    assert_eq!(
        messages(strict, 10),
        [
            "schedule[0] `times[0].over`: the curve takes `2 steps`, the phase runs `10`, and `past` is \"error\"; hint: shorten the phase, or choose what happens past the curve: clamp, mirror or repeat"
        ]
    );
}

#[test]
fn targets_that_the_run_lacks_are_refused() {
    let text = "[[schedule]]\ntarget = \"momentum\"\ntype = \"constant\"\n[[schedule]]\ntarget = \"ema_decay\"\ntype = \"constant\"";
    assert_eq!(
        messages(text, 10),
        [
            "schedule[0] `target`: `momentum` is scheduled, but the run has none; hint: choose an optimizer that has momentum or betas",
            "schedule[1] `target`: `ema_decay` is scheduled, but the run has none; hint: set `ema = { decay = … }` in [train]",
        ]
    );
}

#[test]
fn impossible_values_are_refused() {
    let momentum = Run {
        target: Target::Momentum,
        base: 0.9,
        ..Run::default()
    };
    let text = "[[schedule]]\ntarget = \"momentum\"\ntype = \"linear\"\nto_value = 1.5";
    assert_eq!(
        momentum.messages(text, vec![momentum.group()]),
        [
            "schedule[0] `momentum` is `1.005` at step `7`, which is not below 1; hint: `ceil` or `ceil_value` holds what grows too large"
        ]
    );
    let text = "[[schedule]]\ntype = \"exponential\"\ngamma = 1e9\nperiod = \"1 step\"";
    assert_eq!(
        messages(text, 40),
        [
            "schedule[0] `lr` is `inf` at step `35`, which is not a finite number; hint: `ceil` or `ceil_value` holds what grows too large"
        ]
    );
    let held = format!("{text}\nceil = 3.0");
    assert_eq!(messages(&held, 40), QUIET);
}

#[test]
fn absolute_tracks_over_no_base_are_refused() {
    let run = Run {
        base: 0.0,
        ..Run::default()
    };
    let text = "[[schedule]]\ntype = \"constant\"\nfrom_value = 0.1\n[[schedule]]\ntrack = \"zz\"\ntype = \"constant\"\nfrom_value = 0.1";
    assert_eq!(
        run.messages(text, vec![run.group()]),
        [
            "schedule[1] `track`: a second track gives absolute values where the base is `0`; hint: give the base a value, or use factors on all tracks but one"
        ]
    );
}

#[test]
fn chains_and_patterns_without_use_are_pointed_out() {
    let run = Run::default();
    let group = Group {
        name: "default".into(),
        params: vec!["head.weight".into()],
        base: BTreeMap::from([(Target::Lr, 0.1)]),
        ..Group::default()
    };
    let text = "[[schedule]]\ntype = \"constant\"\ngroups = [\"head.*\", \"tail.*\"]\n[[schedule]]\ntype = \"linear\"";
    assert_eq!(
        run.messages(text, vec![group]),
        [
            "schedule[0] `groups[1]`: `tail.*` matches no parameter and names no group; hint: the groups are `default`",
            "schedule[0] `groups`: the chain is never used: later chains on the track `main` take all its groups; hint: put the chain for all groups first and those for single groups after it, or name another `track`",
        ]
    );
}

#[test]
fn what_many_groups_share_is_said_once() {
    let run = Run::default();
    let group = |name: &str, lr| Group {
        name: name.into(),
        params: vec![format!("{name}.weight")],
        base: BTreeMap::from([(Target::Lr, lr)]),
        ..Group::default()
    };
    let text = "[[schedule]]\ntype = \"linear\"\nfrom = 0\nto = 1";
    let found = run.messages(
        text,
        vec![group("a", 0.1), group("b", 0.2), group("c", 0.4)],
    );
    assert_eq!(found.len(), 1, "{found:?}");
}
