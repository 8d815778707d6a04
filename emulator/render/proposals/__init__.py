"""What is proposed in place of what Copilot deploys: Express Mode services, stacks of Static Sites, manifests. Pure."""
