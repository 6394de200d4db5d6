"""The screens, one thin script each: title, inputs, one call, pictures. Each works when opened first."""
