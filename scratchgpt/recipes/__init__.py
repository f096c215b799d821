"""What a training run is, by name: configuration, data, model, objective and evaluation."""
