//! Hints for names that do not exist; names of other tools have their counterparts here.

use crate::suggest::{did_you_mean, nearest};

/// The nearest allowed name and all of them.
#[must_use]
pub fn hint(word: &str, allowed: &[&str]) -> String {
    let all = allowed.join(", ");
    match near(word, allowed) {
        Some(name) => format!("{} (allowed: {all})", did_you_mean(name)),
        None => format!("allowed: {all}"),
    }
}

/// The allowed name that was probably meant: one that other tools call `word`, in whatever letters,
/// else the most alike.
#[must_use]
pub fn near<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let plain = bare(word);
    let other = called(allowed, |alias| bare(alias) == plain);
    other.or_else(|| match is_unlike(&plain) {
        true => None,
        false => nearest(word, allowed.iter().copied()),
    })
}

/// The allowed name that other tools call `word`.
#[must_use]
pub fn alias<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    called(allowed, |alias| alias == word)
}

/// The allowed name that has an alias which is meant.
fn called<'a>(allowed: &[&'a str], is_meant: impl Fn(&str) -> bool) -> Option<&'a str> {
    let has = |name: &&&str| {
        let mut others = ALIASES.iter().filter(|(own, _)| own == *name);
        others.any(|(_, aliases)| aliases.iter().any(|alias| is_meant(alias)))
    };
    allowed.iter().find(has).copied()
}

/// Returns whether other tools have a component of this name that is none of ours, however alike.
fn is_unlike(word: &str) -> bool {
    let stem = ["loss", "optimizer", "lr"]
        .iter()
        .find_map(|end| word.strip_suffix(end));
    let mut names = UNLIKE.split_whitespace();
    names.any(|name| name == word || Some(name) == stem)
}

/// `CosineAnnealingLR` and `cosine_annealing_lr` as `cosineannealinglr`.
fn bare(word: &str) -> String {
    let letters = word.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Optimizers, losses, schedules, models, datasets and transforms of other tools that have no
/// counterpart here.
const UNLIKE: &str = "
    nadam radam adamax adagrad adadelta adafactor adabelief adan asgd lars lamb lion rprop rmsprop
    sgdw sgdp adamp adopt novograd muon soap sophia shampoo lbfgs sparseadam nadamw adabound
    adahessian madgrad yogi ranger ftrl prodigy
    msle mape smape rmse rmsle logcosh hinge squaredhinge focal dice kl kldiv ctc triplet
    tripletmargin contrastive poissonnll gaussiannll cosinesimilarity cosineembedding marginranking
    multimargin softmargin quantile pinball infonce arcface bpr
    multiplicative swa chained sequential
    gru bilstm convlstm vgg vgg11 vgg16 vgg19 alexnet densenet densenet121 mobilenet
    mobilenetv2 efficientnet inception unet vit bert t5 resnext resnext50 wideresnet preresnet
    resnet18 resnet34 resnet50 resnet101 resnet152 convnext llama mamba
    cifar10 cifar100 imagenet svhn coco iris json parquet numpy hdf5
    centercrop resizedcrop randomresizedcrop verticalflip randomverticalflip rotation
";

/// What this language calls things, and what other tools call them.
const ALIASES: &[(&str, &[&str])] = &[
    ("adam", &["Adam", "adam_8bit", "fused_adam"]),
    (
        "adamw",
        &[
            "AdamW",
            "adamw_torch",
            "adamw_torch_fused",
            "adamw_hf",
            "adamw_bnb_8bit",
        ],
    ),
    ("batch_size", &["batch", "bs", "train_batch_size"]),
    ("bf16", &["bfloat16", "bf16-mixed", "mixed"]),
    (
        "clip_norm",
        &["grad_clip", "gradient_clip_val", "max_grad_norm", "clip"],
    ),
    ("cnn", &["conv", "convnet", "lenet", "lenet5"]),
    ("constant", &["ConstantLR", "constant_schedule", "fixed"]),
    (
        "cosine",
        &[
            "CosineAnnealingLR",
            "cosine_annealing",
            "cosine_decay",
            "cosine_decay_schedule",
            "cosine_with_min_lr",
            "cosine_with_warmup",
            "cosine_schedule_with_warmup",
            "CosineLRScheduler",
        ],
    ),
    (
        "cosine_restarts",
        &[
            "CosineAnnealingWarmRestarts",
            "sgdr",
            "cosine_decay_restarts",
            "cosine_with_restarts",
            "cosine_annealing_warm_restarts",
            "cosine_warm_restarts",
        ],
    ),
    (
        "cross_entropy",
        &[
            "CrossEntropyLoss",
            "ce",
            "nll",
            "cross_entropy_loss",
            "nll_loss",
            "softmax",
            "softmax_cross_entropy",
            "categorical_crossentropy",
            "sparse_categorical_crossentropy",
            "label_smoothing_cross_entropy",
            "log_loss",
        ],
    ),
    ("cuda", &["gpu"]),
    ("early_stop", &["early_stopping"]),
    ("epochs", &["max_epochs", "num_epochs", "num_train_epochs"]),
    ("exponential", &["ExponentialLR", "exponential_decay"]),
    ("f16", &["fp16", "float16", "half", "16-mixed"]),
    ("f32", &["fp32", "float32", "single", "32-true", "no"]),
    (
        "grad_accumulation",
        &["accumulate_grad_batches", "gradient_accumulation_steps"],
    ),
    (
        "horizontal_flip",
        &["flip", "random_horizontal_flip", "hflip", "random_flip"],
    ),
    ("huber", &["smooth_l1", "huber_loss", "smooth_l1_loss"]),
    ("keep", &["keep_last", "save_total_limit"]),
    (
        "linear",
        &[
            "LinearLR",
            "linear_decay",
            "linear_with_warmup",
            "linear_schedule_with_warmup",
        ],
    ),
    ("lr", &["learning_rate"]),
    ("lstm", &["rnn", "recurrent"]),
    ("mae", &["l1", "L1Loss", "mean_absolute_error", "mae_loss"]),
    ("metric", &["monitor", "watch"]),
    ("min_delta", &["threshold"]),
    (
        "mlp",
        &[
            "fc",
            "dense",
            "linear",
            "logistic_regression",
            "perceptron",
            "mlp_classifier",
            "mlp_regressor",
            "fully_connected",
            "feedforward",
            "ffn",
        ],
    ),
    ("mse", &["l2", "MSELoss", "mean_squared_error", "mse_loss"]),
    (
        "multistep",
        &["MultiStepLR", "MultiStepLRScheduler", "multi_step"],
    ),
    ("path", &["dir", "file", "folder", "root"]),
    ("one_cycle", &["OneCycleLR", "onecycle", "1cycle"]),
    (
        "plateau",
        &[
            "ReduceLROnPlateau",
            "reduce_lr_on_plateau",
            "PlateauLRScheduler",
        ],
    ),
    (
        "poly",
        &[
            "PolynomialLR",
            "PolyLR",
            "polynomial",
            "polynomial_decay",
            "poly_decay",
            "PolyLRScheduler",
        ],
    ),
    ("random_crop", &["crop"]),
    (
        "resnet",
        &[
            "residual",
            "resnet20",
            "ResNet",
            "resnet32",
            "resnet44",
            "resnet56",
            "resnet110",
        ],
    ),
    ("seed", &["random_seed"]),
    (
        "sgd",
        &["SGD", "momentum", "nesterov", "sgdm", "sgd_momentum"],
    ),
    ("step", &["StepLR", "step_decay", "StepLRScheduler"]),
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
    (
        "bce",
        &[
            "bce_loss",
            "bce_with_logits",
            "bce_with_logits_loss",
            "binary_crossentropy",
            "binary_cross_entropy",
            "binary_cross_entropy_with_logits",
            "sigmoid_cross_entropy",
            "sigmoid",
        ],
    ),
    ("warmup", &["constant_with_warmup", "linear_warmup"]),
    ("inverse_time", &["inverse_time_decay"]),
    ("inverse_sqrt", &["rsqrt", "inverse_square_root"]),
    ("noam", &["NoamLR", "transformer"]),
    (
        "table",
        &[
            "piecewise",
            "piecewise_constant",
            "piecewise_constant_decay",
            "piecewise_linear",
        ],
    ),
    ("cyclic", &["CyclicLR", "clr", "triangular"]),
    ("tanh", &["TanhLRScheduler"]),
    ("expr", &["LambdaLR", "lambda", "formula"]),
    ("csv", &["table", "tabular", "tsv", "pandas", "dataframe"]),
    ("digits", &["load_digits", "sklearn_digits"]),
    (
        "mnist",
        &["fashion_mnist", "kmnist", "emnist", "qmnist", "idx"],
    ),
    (
        "synthetic",
        &[
            "fake_data",
            "fake",
            "random",
            "dummy",
            "toy",
            "make_classification",
            "make_regression",
        ],
    ),
    (
        "text",
        &[
            "txt",
            "char",
            "chars",
            "characters",
            "corpus",
            "shakespeare",
            "tiny_shakespeare",
        ],
    ),
    ("gpt", &["gpt2", "nanogpt", "decoder", "decoder_only"]),
    ("standardize", &["standard_scaler", "zscore"]),
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
    fn components_of_other_tools_get_what_means_the_same() {
        for (kind, names) in [
            ("adamw", &["AdamW", "adamw_torch", "adamW"][..]),
            ("sgd", &["SGD", "momentum", "sgd_momentum"]),
            (
                "cross_entropy",
                &[
                    "CrossEntropyLoss",
                    "NLLLoss",
                    "sparse_categorical_crossentropy",
                ],
            ),
            (
                "bce",
                &["BCEWithLogitsLoss", "BinaryCrossentropy", "bce_with_logits"],
            ),
            ("huber", &["HuberLoss", "SmoothL1Loss"]),
            ("mae", &["L1Loss", "MeanAbsoluteError"]),
            (
                "cosine",
                &["CosineAnnealingLR", "CosineDecay", "cosine_with_min_lr"],
            ),
            (
                "cosine_restarts",
                &["CosineAnnealingWarmRestarts", "cosine_with_restarts"],
            ),
            ("poly", &["PolynomialLR", "PolynomialDecay", "polynomial"]),
            ("table", &["PiecewiseConstantDecay"]),
            ("expr", &["LambdaLR"]),
            ("warmup", &["constant_with_warmup"]),
            ("mlp", &["MLPClassifier", "LogisticRegression", "linear"]),
            ("gpt", &["gpt2", "nanoGPT"]),
            ("mnist", &["FashionMNIST", "MNIST"]),
            ("synthetic", &["FakeData", "make_classification"]),
            ("csv", &["tabular", "TSV"]),
            ("horizontal_flip", &["RandomHorizontalFlip"]),
        ] {
            let all = kinds_beside(kind);
            for name in names {
                assert_eq!(near(name, &all), Some(kind), "{name}");
            }
        }
    }

    #[test]
    fn components_that_we_do_not_have_get_no_neighbour() {
        for name in UNLIKE.split_whitespace() {
            for kind in ["sgd", "mse", "poly", "mlp", "csv", "random_crop"] {
                assert_eq!(near(name, &kinds_beside(kind)), None, "{name}");
            }
        }
        let optimizers = kinds_beside("sgd");
        for name in [
            "RMSprop", "Adamax", "NAdam", "Adagrad", "Lion", "LBFGS", "ASGD",
        ] {
            assert_eq!(near(name, &optimizers), None, "{name}");
        }
    }

    /// All components of the kind that this one is of.
    fn kinds_beside(kind: &str) -> Vec<&'static str> {
        let mut sections = crate::config::elsewhere::language().iter();
        let names = |s: &'static crate::config::sections::Section| {
            s.kinds
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
        };
        sections
            .find_map(|s| Some(names(s)).filter(|all| all.contains(&kind)))
            .unwrap()
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
