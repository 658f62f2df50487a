"""Settings at which entries get good on 8x8 digits, MNIST and CIFAR-10 in minutes on one core.

Found by a few runs each, so they show that an entry works, not how it ranks among the others;
models/QUALITY.md has what each reaches, and models/MNIST.md that of MNIST, beside the papers.
"""

from gensweep_models.game import Preset

SMALL_MLP = {"hidden": 64, "layers": 2, "ema": 0.99}
SMALL_RESNET = {
    "channels": 4, "batch_size": 32, "ema": 0.99, "latent_size": 24, "learning_rate": 5e-4,
    "critic_learning_rate": 1e-3,
}  # fmt: skip
SMALL_BIGGAN = {
    **SMALL_RESNET, "embedding_size": 16, "critic_iterations": 1, "orthogonal_weight": 1e-2,
}  # fmt: skip
SMALL_CODED = {
    "hidden": 128, "latent_size": 8, "batch_size": 64, "ema": 0.99, "learning_rate": 2e-3,
}  # fmt: skip
SMALL_GREY = {**SMALL_CODED, "decoder": "gaussian"}
SMALL_TOKENS = {
    "channels": 16, "blocks": 1, "batch_size": 32, "ema": 0.99, "learning_rate": 3e-3,
    "prior_channels": 32, "prior_layers": 2,
}  # fmt: skip
SMALL_FLOW = {"hidden": 128, "batch_size": 64, "ema": 0.99}
SMALL_DENOISER = {"channels": 16, "batch_size": 64, "ema": 0.99, "learning_rate": 2e-3}
SMALL_LEARNED = {**SMALL_DENOISER, "steps": 200, "sample_steps": 50}
SMALL_GROWING = {"channels": 16, "latent_size": 32, "batch_size": 32, "ema": 0.99}
SMALL_STYLEGAN = {
    **SMALL_GROWING, "hidden": 32, "layers": 2, "latent_size": 16, "learning_rate": 3e-3,
    "penalty_weight": 1.0, "penalty_every": 4, "mixing": 0.5,
}  # fmt: skip
SMALL_CONV = {"hidden": 32, "ema": 0.99}
SMALL_LATENT = {
    "autoencoder_channels": 16, "blocks": 1, "critic_channels": 8, "feature_channels": 4,
    "stage_fraction": 0.4, "steps": 200, "batch_size": 32, "ema": 0.99, "learning_rate": 2e-3,
    "autoencoder_learning_rate": 2e-3, "adversarial_weight": 0.1,
}  # fmt: skip
PAPER_CODED = {"binarise": "dynamic", "batch_size": 100, "learning_rate": 2e-3}
MNIST_CONV = {"batch_size": 32, "learning_rate": 2e-3, "ema": 0.99}
SMALL_DALLE = {
    "channels": 32, "prior_channels": 64, "prior_layers": 2, "batch_size": 64, "ema": 0.99,
    "learning_rate": 2e-3, "prior_learning_rate": 2e-3, "relaxation": 0.5,
}  # fmt: skip
SMALL_GLIDE = {
    "channels": 16, "text_channels": 32, "steps": 200, "batch_size": 32, "ema": 0.99,
    "learning_rate": 1e-3, "sampler": "ddim",
}  # fmt: skip


DIGITS: dict[str, Preset] = {
    "gan": Preset(
        settings={
            **SMALL_MLP,
            "learning_rate": 4e-3,
            "beta1": 0.0,
            "beta2": 0.99,
            "batch_size": 64,
        },
        reached=250,
    ),
    "minimax_gan": Preset(
        settings={**SMALL_MLP, "learning_rate": 2e-3, "batch_size": 64}, short=25_000, reached=600
    ),
    "lsgan": Preset(settings={**SMALL_MLP, "learning_rate": 4e-3, "beta2": 0.99}, reached=350),
    "dragan": Preset(settings={**SMALL_MLP, "learning_rate": 2e-3}, reached=500),
    "r3gan": Preset(
        settings={**SMALL_MLP, "learning_rate": 2e-3, "penalty_weight": 1.0, "batch_size": 64},
        short=25_000,
        reached=250,
    ),
    "wgan": Preset(settings={**SMALL_MLP, "learning_rate": 5e-4}, reached=650),
    "wgan_gp": Preset(settings={**SMALL_MLP, "learning_rate": 1e-3}, reached=400),
    "sngan": Preset(settings={**SMALL_MLP, "learning_rate": 3e-3}, reached=150),
    "lgan": Preset(settings={**SMALL_MLP, "learning_rate": 1e-3}, short=25_000, reached=600),
    "began": Preset(
        400_000,
        {
            **SMALL_MLP,
            "learning_rate": 2e-3,
            "gamma": 1.0,
            "balance_rate": 0.01,
            "code_size": 48,
            "latent_size": 32,
        },
        short=150_000,
        reached=420,
    ),
    "cgan": Preset(
        400_000,
        {"learning_rate": 1e-3, "latent_size": 16, "ema": 0.99, "batch_size": 64},
        short=100_000,
        reached=400,
    ),
    "dcgan": Preset(250_000, {"ema": 0.99}, short=20_833, reached=740),
    "sagan": Preset(60_000, SMALL_RESNET),
    "biggan": Preset(60_000, SMALL_BIGGAN),
    "progan": Preset(40_000, {**SMALL_GROWING, "grown": 0.3, "learning_rate": 5e-3}, 16_000, 160),
    "stylegan": Preset(120_000, SMALL_STYLEGAN),
    "autoencoder": Preset(settings=SMALL_CODED, short=30_000, reached=150),
    "denoising_autoencoder": Preset(150_000, SMALL_CODED, short=20_000, reached=330),
    "vae": Preset(settings=SMALL_CODED, short=30_000, reached=600),
    "beta_vae": Preset(150_000, {**SMALL_GREY, "channels": 16}, short=30_000, reached=250),
    "iwae": Preset(
        200_000,
        {**SMALL_GREY, "scale": 0.2, "importance_samples": 5, "binarise": "none"},
        short=30_000,
        reached=600,
    ),
    "vqvae": Preset(90_000, SMALL_TOKENS, short=6_000, reached=220),
    "vqvae2": Preset(60_000, {**SMALL_TOKENS, "revival": 0.1}, short=4_000, reached=370),
    "vqgan": Preset(
        30_000,
        {
            **SMALL_TOKENS,
            "learning_rate": 2e-3,
            "prior_learning_rate": 3e-3,
            "critic_channels": 8,
            "feature_channels": 4,
            "adversarial_weight": 0.1,
        },
        short=3_000,
        reached=370,
    ),
    "latent_diffusion": Preset(80_000, SMALL_LATENT),
    "pixelcnn": Preset(
        24_000,
        {"channels": 16, "layers": 3, "batch_size": 32, "ema": 0.99, "learning_rate": 4e-3},
        short=6_000,
        reached=200,
    ),
    "nice": Preset(200_000, {**SMALL_FLOW, "layers": 2, "learning_rate": 2e-3}),
    "realnvp": Preset(200_000, SMALL_FLOW, short=25_000, reached=150),
    "glow": Preset(
        24_000,
        {"couplings": 4, "channels": 32, "batch_size": 64, "ema": 0.99, "learning_rate": 1e-2},
    ),
    "ddpm": Preset(60_000, SMALL_DENOISER, short=15_000, reached=110),
    "improved_ddpm": Preset(
        40_000, {**SMALL_LEARNED, "learning_rate": 3e-3}, short=10_000, reached=160
    ),
    "guided_diffusion": Preset(
        30_000, {**SMALL_LEARNED, "learning_rate": 4e-3, "guidance_scale": 1.0}
    ),
    "sr3": Preset(24_000, {**SMALL_LEARNED, "learning_rate": 4e-3, "sample_steps": 100}),
    "sr3_cascade": Preset(
        60_000,
        {
            **SMALL_DENOISER,
            "channels": 24,
            "steps": 200,
            "learning_rate": 4e-3,
            "most_augmentation": 0.05,
        },
    ),
    "rectified_flow": Preset(60_000, SMALL_DENOISER, short=6_000, reached=200),
    "flow_matching": Preset(
        30_000, {**SMALL_DENOISER, "learning_rate": 4e-3}, short=6_000, reached=160
    ),
    "dalle": Preset(80_000, SMALL_DALLE),
    "glide": Preset(50_000, SMALL_GLIDE),
}

CIFAR10: dict[str, Preset] = {
    "dcgan": Preset(51_000, {"channels": 16, "batch_size": 64, "learning_rate": 5e-4, "ema": 0.99}),
    "sngan": Preset(
        37_000, {**SMALL_CONV, "learning_rate": 3e-3, "beta1": 0.5, "critic_iterations": 1}
    ),
    "wgan_gp": Preset(25_000, {**SMALL_CONV, "learning_rate": 2e-3, "critic_iterations": 2}),
    "biggan": Preset(7_000, {**SMALL_BIGGAN, "channels": 2, "learning_rate": 1e-3}),
    "stylegan": Preset(15_000, {**SMALL_STYLEGAN, "channels": 8}),
}

MNIST: dict[str, Preset] = {
    "vae": Preset(
        2_000_000,
        {**PAPER_CODED, "hidden": 200, "latent_size": 50, "activation": "tanh"},
        short=100_000,
        reached=165,
        metric="nll",
    ),
    "iwae": Preset(
        1_000_000, {**PAPER_CODED, "importance_samples": 5, "decay": False, "ema": 0.999}
    ),
    "vqvae": Preset(
        40_000, {**MNIST_CONV, "channels": 32, "blocks": 1, "prior_channels": 32, "prior_layers": 2}
    ),
    "nice": Preset(250_000, {"hidden": 256, "layers": 2, "batch_size": 64, "learning_rate": 3e-3}),
    "realnvp": Preset(40_000, {**MNIST_CONV, "channels": 16, "blocks": 1}),
    "glow": Preset(80_000, {**MNIST_CONV, "channels": 32, "couplings": 4, "learning_rate": 5e-3}),
    "improved_ddpm": Preset(
        10_000, {**MNIST_CONV, "channels": 16, "steps": 1000, "sample_steps": 20}
    ),
}
PRESETS = {"digits": DIGITS, "cifar10": CIFAR10, "mnist": MNIST}
"""By data set, then by entry."""


def presets_of(name: str) -> dict[str, Preset]:
    """Return an entry's presets by data set."""
    return {data: table[name] for data, table in PRESETS.items() if name in table}
