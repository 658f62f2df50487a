"""Reads a pool of workers from cluster.yaml, and builds the EC2 fleet that it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gensweep.errors import UserError

MARKETS = ("spot", "on-demand")
TAGGED = ("fleet", "instance")
"""The resources that EC2 tags at the launch of an instant fleet; the template tags the rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """Interchangeable EC2 instances that Ray may start, as one of Ray's node types."""

    name: str
    launch_template: Mapping[str, str]
    """`id`, and `version` unless it is the default."""

    instance_types: tuple[str, ...]
    """Any of which will do."""

    subnets: tuple[str, ...]
    max_workers: int
    market: str = "spot"
    fallback: bool = False
    """Whether it turns to on-demand where spot fails repeatedly."""

    @classmethod
    def from_config(cls, name: str, config: Mapping[str, Any]) -> "Pool":
        """Check the `node_config` of the pool `name`; `UserError` names the key that is wrong."""
        needed = ("launch_template", "instance_types", "subnets", "max_workers")
        for key in needed:
            if config.get(key) in (None, "", [], {}):
                raise UserError(f"pool {name}: node_config has no {key}: add it to cluster.yaml.")
        known = {*needed, "market", "fallback"}
        if unknown := sorted(set(config) - known):
            raise UserError(f"pool {name}: node_config has {', '.join(unknown)}: use only "
                            f"{', '.join(sorted(known))}.")  # fmt: skip
        if not config["launch_template"].get("id"):
            raise UserError(f"pool {name}: launch_template has no id: add it to cluster.yaml.")
        market = config.get("market", "spot")
        if market not in MARKETS:
            raise UserError(f"pool {name}: market is {market!r}: choose from {', '.join(MARKETS)}.")
        return cls(
            name=name, launch_template=config["launch_template"], market=market,
            instance_types=tuple(config["instance_types"]), subnets=tuple(config["subnets"]),
            max_workers=int(config["max_workers"]), fallback=bool(config.get("fallback", False)),
        )  # fmt: skip

    def fleet_request(self, market: str, count: int, tags: Mapping[str, str], token: str) -> Any:
        """Build the arguments of CreateFleet for `count` instances of one market.

        One call chooses among all types and zones. `token` makes a repeated call the same launch.
        """
        template = self.launch_template
        tagged = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        asked: dict[str, Any] = {
            "Type": "instant",
            "ClientToken": token,
            "LaunchTemplateConfigs": [{
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": template["id"],
                    "Version": str(template.get("version", "$Default")),
                },
                "Overrides": [
                    {"InstanceType": kind, "SubnetId": subnet}
                    for kind in self.instance_types for subnet in self.subnets
                ],
            }],
            "TargetCapacitySpecification": {
                "TotalTargetCapacity": count,
                "DefaultTargetCapacityType": market,
            },
            "TagSpecifications": [{"ResourceType": kind, "Tags": tagged} for kind in TAGGED],
        }  # fmt: skip
        # By capacity first: the cheapest spot pool is the one that is interrupted most.
        if market == "spot":
            asked["SpotOptions"] = {"AllocationStrategy": "price-capacity-optimized",
                                    "InstanceInterruptionBehavior": "terminate"}  # fmt: skip
        else:
            asked["OnDemandOptions"] = {"AllocationStrategy": "lowest-price"}
        return asked
