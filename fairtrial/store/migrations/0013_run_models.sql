-- The provider and model that the deployment of a run declared; unknown for earlier runs.

ALTER TABLE runs ADD COLUMN model VARCHAR;
