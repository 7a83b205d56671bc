"""What other apps know of providers, models, deployments and prices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.core.money import Pico
from apps.registry.tiers import DEFAULT_TIER


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One usage class's price: pico-USD for each block of units, from (included) to (excluded).

    None on a side means that the validity has no such end. It is for answers of one service tier,
    and for calls whose whole input has at least `min_input_tokens`.
    """

    price_id: int
    usage_class: str
    price_pico: Pico
    per_block: int
    valid_from: datetime | None
    valid_to: datetime | None
    service_tier: str = DEFAULT_TIER
    min_input_tokens: int = 0

    def is_valid_at(self, at: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_to is None or at < self.valid_to
        )


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model's abilities; sizes in tokens."""

    slug: str
    kind: str
    context_window: int
    max_output_tokens: int
    supports_tools: bool
    supports_json_schema: bool
    supports_images: bool
    active: bool
    tokenizer: str = ""
    """Whose tokens are counted before a call is sent; "" when nobody knows."""
    bytes_per_token: float | None = None
    """Measured: for a model whose tokenizer we do not have."""


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """A model at one provider, with all that a call to it needs; timeouts in seconds.

    `active` is true only while the deployment, its provider and its model all are.
    """

    slug: str
    model: ModelFacts
    provider: str
    vendor: str
    base_url: str
    secret_ref: str
    api_version: str
    upstream_name: str
    region: str
    priority: int
    connect_timeout: float
    read_timeout: float
    finish_required: bool
    input_overhead_tokens: int
    active: bool
    prices: tuple[PriceRow, ...]
    searches_at_most: int = 0  # that a call can be billed for
    batch_lane: bool = False  # jobs that may wait can go through the provider's Batch API
    extra_parameters: frozenset[str] = frozenset()  # beyond OpenAI's; callers may send them to it
    slow_seconds: float = 60.0  # an answer that takes so long is slow

    def prices_at(self, at: datetime) -> tuple[PriceRow, ...]:
        """The rows valid at that time: one for each usage class, service tier and step."""
        return tuple(row for row in self.prices if row.is_valid_at(at))


@dataclass(frozen=True, slots=True)
class RegistrySnapshot:
    """All models and deployments by slug, switched off ones included."""

    models: Mapping[str, ModelFacts]
    deployments: Mapping[str, DeploymentFacts]
    _by_model: Mapping[str, tuple[DeploymentFacts, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        groups: dict[str, list[DeploymentFacts]] = {}
        for deployment in sorted(self.deployments.values(), key=lambda d: (d.priority, d.slug)):
            groups.setdefault(deployment.model.slug, []).append(deployment)
        by_model = {slug: tuple(group) for slug, group in groups.items()}
        object.__setattr__(self, "_by_model", by_model)

    def deployments_of(self, model_slug: str) -> tuple[DeploymentFacts, ...]:
        """Those that serve the model, by priority, then slug; switched off ones included."""
        return self._by_model.get(model_slug, ())


@dataclass(frozen=True, slots=True)
class ProposedPrice:
    """A price that a source suggests for one usage class of a deployment (by slug)."""

    deployment: str
    usage_class: str
    price_pico: Pico
    per_block: int
    source: str
    service_tier: str = DEFAULT_TIER
    min_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PublishedPrice:
    """What a source publishes, beside the price of ours that holds; None: we have none."""

    published: ProposedPrice
    ours: PriceRow | None

    @property
    def agrees(self) -> bool:
        """Whether a unit costs the same, whatever blocks it is sold in."""
        theirs, ours = self.published, self.ours
        return ours is not None and (
            theirs.price_pico * ours.per_block == ours.price_pico * theirs.per_block
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """What an import could not use, and why, for a person to read."""

    deployment: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Our prices of now beside those that a source publishes, as its `source` names itself."""

    source: str
    prices: tuple[PublishedPrice, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import of prices found: `proposed` is new, `unchanged` was known already."""

    proposed: tuple[ProposedPrice, ...]
    unchanged: int
    skipped: tuple[Skipped, ...]
