"""What screens are made of: forms from settings models, charts, components, identity. Never Keras."""
