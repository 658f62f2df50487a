mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

override_resource {
  target          = aws_security_group.this["head"]
  override_during = plan
  values          = { id = "sg-1111aaaa" }
}

variables {
  cluster = {
    name      = "gensweep"
    account   = "123456789012"
    partition = "aws"
    region    = "eu-central-1"
    tags      = { "gensweep:cluster" = "gensweep" }
  }
  boundary            = "arn:aws:iam::123456789012:policy/gensweep-boundary"
  key_arn             = "arn:aws:kms:eu-central-1:123456789012:key/1111"
  log_days            = 365
  cidr                = "10.20.0.0/16"
  zones               = ["eu-central-1a", "eu-central-1b"]
  nat                 = "single"
  private_endpoints   = true
  bucket_arns         = ["arn:aws:s3:::ours"]
  dataset_bucket_arns = ["arn:aws:s3:::theirs"]
}

run "network" {
  command = plan

  module {
    source = "./modules/network"
  }

  assert {
    condition     = alltrue([for subnet in merge(aws_subnet.private, aws_subnet.public) : !subnet.map_public_ip_on_launch])
    error_message = "No host gets a public address."
  }

  assert {
    condition     = length(aws_default_security_group.closed.ingress) == 0 && length(aws_default_security_group.closed.egress) == 0
    error_message = "The default security group lets nothing through."
  }

  assert {
    condition     = alltrue([for rule in concat([aws_vpc_security_group_ingress_rule.cluster, aws_vpc_security_group_ingress_rule.tracking], values(aws_vpc_security_group_ingress_rule.database), values(aws_vpc_security_group_ingress_rule.endpoints)) : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.prefix_list_id == null && rule.referenced_security_group_id != null])
    error_message = "Every way in begins in a group of the cluster."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.https : rule.from_port == 443 && rule.to_port == 443])
    error_message = "The way out is HTTPS."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.cluster.ip_protocol == "-1" && aws_vpc_security_group_egress_rule.cluster.referenced_security_group_id == aws_vpc_security_group_egress_rule.cluster.security_group_id
    error_message = "EFA is let out to the group itself."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.tracking.security_group_id == "sg-1111aaaa" && aws_vpc_security_group_ingress_rule.tracking.referenced_security_group_id == "sg-1111aaaa"
    error_message = "The head alone reaches the tracking server."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.tracking.from_port == 5000 && aws_vpc_security_group_ingress_rule.tracking.to_port == 5000
    error_message = "The tracking server answers on one port."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.key_arn && aws_cloudwatch_log_group.flow.retention_in_days == 365
    error_message = "All connections are logged, encrypted, for a year."
  }

  assert {
    condition     = aws_iam_role.flow.permissions_boundary == var.boundary
    error_message = "The role has the boundary."
  }

  assert {
    condition     = jsondecode(aws_iam_role.flow.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    error_message = "No other account's flow logs take the role."
  }

  assert {
    condition     = jsondecode(aws_vpc_endpoint.s3.policy).Statement[0].Resource == ["arn:aws:s3:::ours", "arn:aws:s3:::ours/*"] && jsondecode(aws_vpc_endpoint.s3.policy).Statement[0].Condition.StringEquals["aws:PrincipalAccount"] == "123456789012"
    error_message = "The gateway leads to the cluster's bucket, for the account's roles."
  }

  assert {
    condition     = [for s in jsondecode(aws_vpc_endpoint.s3.policy).Statement : [s.Resource, s.Condition] if s.Action == ["s3:GetObjectVersion"]] == [[["arn:aws:s3:::ours/bundle/*"], { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }]]
    error_message = "The bundle is fetched by its version."
  }

  assert {
    condition     = [for s in jsondecode(aws_vpc_endpoint.s3.policy).Statement : s.Action if s.Sid == "DataSets"] == [["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]]
    error_message = "Data sets are read alone."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.service : endpoint.private_dns_enabled && jsondecode(endpoint.policy).Statement[0].Condition.StringEquals["aws:PrincipalAccount"] == "123456789012"])
    error_message = "Endpoints serve the account alone."
  }

  assert {
    condition     = aws_vpc_endpoint.names[0].service_name == "com.amazonaws.route53" && aws_vpc_endpoint.names[0].service_region == "us-east-1" && aws_vpc_endpoint.names[0].private_dns_enabled
    error_message = "Hosts write their names without NAT."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 2
    error_message = "One gateway serves both zones."
  }
}

run "nat_in_each_zone" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "zone"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 2
    error_message = "Each zone has a gateway."
  }
}

run "no_nat" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat               = "none"
    private_endpoints = false
  }

  assert {
    condition     = length(aws_nat_gateway.this) + length(aws_subnet.public) + length(aws_internet_gateway.this) == 0
    error_message = "Without NAT nothing is public."
  }

  assert {
    condition     = length(aws_vpc_endpoint.service) + length(aws_vpc_endpoint.names) == 0
    error_message = "Endpoints are left out if unwanted."
  }
}

run "refuses" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    cluster             = { name = "gensweep", account = "123456789012", partition = "aws", region = "eu-central-1", tags = {} }
    boundary            = "everyones"
    key_arn             = "alias/aws/s3"
    log_days            = 30
    cidr                = "10.20.0.0/24"
    zones               = ["eu-central-1a"]
    nat                 = "two"
    bucket_arns         = ["ours"]
    dataset_bucket_arns = ["theirs"]
  }

  expect_failures = [
    var.cluster,
    var.boundary,
    var.key_arn,
    var.log_days,
    var.cidr,
    var.zones,
    var.nat,
    var.bucket_arns,
    var.dataset_bucket_arns,
  ]
}
