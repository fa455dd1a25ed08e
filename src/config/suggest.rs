//! "did you mean": a hint for a name that does not exist.

use crate::error::nearest;

/// The nearest allowed name and all of them.
#[must_use]
pub fn hint(word: &str, allowed: &[&str]) -> String {
    let all = allowed.join(", ");
    match near(word, allowed) {
        Some(name) => format!("did you mean `{name}`? (allowed: {all})"),
        None => format!("allowed: {all}"),
    }
}

/// The allowed name that was probably meant: one that other tools call `word`, else the most alike.
#[must_use]
pub fn near<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    alias(word, allowed).or_else(|| nearest(word, allowed.iter().copied()))
}

/// The allowed name that other tools call `word`.
#[must_use]
pub fn alias<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let called_so = |name: &&&str| {
        let mut others = ALIASES.iter();
        others.any(|(own, aliases)| own == *name && aliases.contains(&word))
    };
    allowed.iter().find(called_so).copied()
}

/// What this language calls things, and what other tools call them.
const ALIASES: &[(&str, &[&str])] = &[
    ("adam", &["Adam"]),
    ("adamw", &["AdamW"]),
    ("batch_size", &["batch", "bs", "train_batch_size"]),
    ("bf16", &["bfloat16", "bf16-mixed", "mixed"]),
    (
        "clip_norm",
        &["grad_clip", "gradient_clip_val", "max_grad_norm", "clip"],
    ),
    ("cnn", &["conv", "convnet", "lenet"]),
    ("constant", &["ConstantLR"]),
    ("cosine", &["CosineAnnealingLR", "cosine_annealing"]),
    ("cosine_restarts", &["CosineAnnealingWarmRestarts", "sgdr"]),
    ("cross_entropy", &["CrossEntropyLoss", "ce", "nll"]),
    ("cuda", &["gpu"]),
    ("early_stop", &["early_stopping"]),
    ("epochs", &["max_epochs", "num_epochs", "num_train_epochs"]),
    ("exponential", &["ExponentialLR"]),
    ("f16", &["fp16", "float16", "half", "16-mixed"]),
    ("f32", &["fp32", "float32", "single", "32-true", "no"]),
    (
        "grad_accumulation",
        &["accumulate_grad_batches", "gradient_accumulation_steps"],
    ),
    ("horizontal_flip", &["flip"]),
    ("huber", &["smooth_l1"]),
    ("keep", &["keep_last", "save_total_limit"]),
    ("linear", &["LinearLR"]),
    ("lr", &["learning_rate"]),
    ("lstm", &["rnn", "recurrent"]),
    ("mae", &["l1", "L1Loss"]),
    ("metric", &["monitor", "watch"]),
    ("min_delta", &["threshold"]),
    ("mlp", &["fc", "dense"]),
    ("mse", &["l2", "MSELoss"]),
    ("multistep", &["MultiStepLR"]),
    ("path", &["dir", "file", "folder", "root"]),
    ("one_cycle", &["OneCycleLR", "onecycle"]),
    ("plateau", &["ReduceLROnPlateau", "reduce_lr_on_plateau"]),
    ("poly", &["PolynomialLR", "PolyLR", "polynomial"]),
    ("random_crop", &["crop"]),
    ("resnet", &["residual", "resnet20", "ResNet"]),
    ("seed", &["random_seed"]),
    ("sgd", &["SGD"]),
    ("step", &["StepLR"]),
    ("steps", &["max_steps", "iterations", "iters"]),
    ("threads", &["num_threads"]),
    (
        "type",
        &[
            "kind",
            "name",
            "class",
            "_target_",
            "class_path",
            "algorithm",
            "policy",
            "scheduler",
            "method",
            "arch",
            "architecture",
        ],
    ),
    ("prefetch", &["num_workers", "workers"]),
    ("val", &["valid", "validation"]),
    ("weight_decay", &["wd", "l2_reg"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_tools_and_misspelt_ones_are_recognised() {
        let allowed = ["cosine", "lr", "momentum"];
        assert_eq!(near("CosineAnnealingLR", &allowed), Some("cosine"));
        assert_eq!(near("learning_rate", &allowed), Some("lr"));
        assert_eq!(near("momentun", &allowed), Some("momentum"));
        assert_eq!(near("gpu", &allowed), None);
    }

    #[test]
    fn every_allowed_name_is_told() {
        assert_eq!(hint("dampening", &["lr", "k"]), "allowed: lr, k");
        assert_eq!(
            hint("lrr", &["lr", "k"]),
            "did you mean `lr`? (allowed: lr, k)"
        );
    }
}
