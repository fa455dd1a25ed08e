//! The config's `device` → a Candle device, tried and not guessed.

use candle_core::Device;

use super::LaunchError;

/// A device that was opened, with the name that goes into the run's record.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The device.
    pub device: Device,
    /// `cpu`, `cuda:0`, `metal`.
    pub name: String,
}

/// Opens `auto`, `cpu`, `cuda`, `cuda:N` or `metal`. `auto` takes CUDA, then Metal, then the CPU.
///
/// # Errors
/// Where the build or the machine lacks what was asked for by name.
pub fn open(wanted: &str) -> Result<Opened, LaunchError> {
    let cpu = || Opened {
        device: Device::Cpu,
        name: "cpu".into(),
    };
    match wanted {
        "cpu" => Ok(cpu()),
        "auto" => Ok(cuda(0).or_else(|_| metal()).unwrap_or_else(|_| cpu())),
        "metal" => metal(),
        name => cuda(
            name.strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .unwrap_or(0),
        ),
    }
}

fn cuda(index: usize) -> Result<Opened, LaunchError> {
    let name = format!("cuda:{index}");
    probe("cuda", name, cfg!(feature = "cuda"), || {
        Device::new_cuda(index)
    })
}

fn metal() -> Result<Opened, LaunchError> {
    probe("metal", "metal".into(), cfg!(feature = "metal"), || {
        Device::new_metal(0)
    })
}

fn probe(
    feature: &'static str,
    name: String,
    built: bool,
    open: impl Fn() -> candle_core::Result<Device>,
) -> Result<Opened, LaunchError> {
    if !built {
        return Err(LaunchError::NotBuilt {
            device: name,
            feature,
        });
    }
    match open() {
        Ok(device) => Ok(Opened { device, name }),
        Err(source) => Err(LaunchError::NoDevice {
            device: name,
            source,
        }),
    }
}
