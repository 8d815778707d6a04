"""What AWS takes, where a manifest is checked for it and the model of ECS, a front or an endpoint keeps to it too."""
