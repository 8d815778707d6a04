"""Pictures of services, drawn from the model: task, network, log pipeline and routes, as Mermaid or SVG."""
