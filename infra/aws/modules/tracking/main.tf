# The MLflow server: the only one that touches MLflow's artifacts and its database.

locals {
  database = one([for db in aws_db_instance.this : {
    address = "${db.address}:${db.port}/${db.db_name}"
    user    = db.username
    secret  = db.master_user_secret[0].secret_arn
    ca      = coalesce(var.database.ca, "https://truststore.pki.rds.amazonaws.com/${var.cluster.region}/${var.cluster.region}-bundle.pem")
  }])
}

module "host" {
  source             = "../host"
  cluster            = var.cluster
  role               = "tracking"
  image_id           = var.image_id
  machine            = var.machine
  place              = var.place
  security_group_ids = [var.security_groups["tracking"]]
  zone               = var.zone
  boundary           = var.boundary
  key_arn            = var.key_arn
  policies           = var.policies
  after              = [aws_iam_role_policy.artifacts.id]
  force_destroy      = var.force_destroy
  settings = merge(var.settings, {
    GENSWEEP_ARTIFACTS           = "s3://${var.artifacts.name}/mlflow"
    GENSWEEP_DATABASE            = local.database == null ? "" : "${local.database.user}@${local.database.address}"
    GENSWEEP_DATABASE_SECRET     = try(local.database.secret, "")
    GENSWEEP_DATABASE_CA         = try(local.database.ca, "")
    GENSWEEP_LEDGER_SECRET       = try(var.ledger.secret, "")
    GENSWEEP_MLFLOW_ADMIN_SECRET = var.admin_secret
  })
}

resource "aws_iam_role_policy" "artifacts" {
  name = "artifacts"
  role = module.host.role.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "List"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [var.artifacts.arn]
        Condition = { StringLike = { "s3:prefix" = ["mlflow", "mlflow/*"] } }
      },
      {
        Sid       = "Bucket"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [var.artifacts.arn]
        Condition = { Null = { "s3:prefix" = "true" } }
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        Resource = ["${var.artifacts.arn}/mlflow/*"]
      },
      {
        Sid      = "Admin"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [var.admin_secret]
      },
      ], var.database == null ? [] : [{
        Sid      = "Database"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [local.database.secret, var.ledger.secret]
    }])
  })
}
