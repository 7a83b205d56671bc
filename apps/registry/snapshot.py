"""The registry as every process keeps it in memory."""

from apps.registry.models import Deployment, Model, Price
from apps.registry.types import DeploymentFacts, ModelFacts, PriceRow, RegistrySnapshot
from apps.registry.validators import parameter_names


def read_registry() -> RegistrySnapshot:
    """All of it in three queries. Prices come with their past and future rows."""
    models = {model.slug: model_facts(model) for model in Model.objects.all()}
    prices: dict[int, list[PriceRow]] = {}
    for price in Price.objects.all():
        prices.setdefault(price.deployment_id, []).append(price_row(price))
    return RegistrySnapshot(
        models=models,
        deployments={
            row.slug: deployment_facts(row, models[row.model.slug], tuple(prices.get(row.pk, ())))
            for row in Deployment.objects.select_related("provider", "model")
        },
    )


def model_facts(model: Model) -> ModelFacts:
    return ModelFacts(
        slug=model.slug,
        kind=model.kind,
        context_window=model.context_window,
        max_output_tokens=model.max_output_tokens,
        supports_tools=model.supports_tools,
        supports_json_schema=model.supports_json_schema,
        supports_images=model.supports_images,
        active=model.active,
        tokenizer=model.tokenizer,
        bytes_per_token=float(model.bytes_per_token) if model.bytes_per_token else None,
    )


def price_row(price: Price) -> PriceRow:
    return PriceRow(
        price_id=price.pk,
        usage_class=price.usage_class,
        price_pico=price.price_pico,
        per_block=price.per_block,
        valid_from=price.valid.lower,
        valid_to=price.valid.upper,
        service_tier=price.service_tier,
        min_input_tokens=price.min_input_tokens,
    )


def deployment_facts(
    row: Deployment, model: ModelFacts, prices: tuple[PriceRow, ...]
) -> DeploymentFacts:
    provider = row.provider
    return DeploymentFacts(
        slug=row.slug,
        model=model,
        provider=provider.slug,
        vendor=provider.vendor,
        base_url=provider.base_url,
        secret_ref=provider.secret_ref,
        api_version=provider.api_version,
        upstream_name=row.upstream_name,
        region=row.region,
        priority=row.priority,
        connect_timeout=row.connect_timeout_seconds,
        read_timeout=row.read_timeout_seconds,
        slow_seconds=float(row.slow_seconds),
        finish_required=row.finish_required,
        input_overhead_tokens=row.input_overhead_tokens,
        searches_at_most=row.searches_at_most,
        batch_lane=row.batch_lane,
        extra_parameters=parameter_names(row.extra_parameters),
        active=row.active and provider.active and model.active,
        prices=prices,
    )
