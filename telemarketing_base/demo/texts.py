"""What agents write after a call, by result; empty mostly where nobody was reached."""

NOTES = {
    "machine": ("", "", "", "Buzón de voz, no dejo mensaje"),
    "not_decision_maker": (
        "Contesta la hija, el titular vuelve por la tarde",
        "Su marido es el titular, llega a las 18:00",
        "Atiende recepción, el gerente está de viaje hasta el jueves",
        "La encargada no decide, pasar por la mañana",
    ),
    "wrong_number": ("No conoce a esta persona", "Es un particular, no es la empresa"),
    "moved_away": ("Se mudó hace un año", "Ya no trabaja ahí"),
    "call_dropped": ("Se corta nada más presentarme", "No se oye, reintentar"),
    "call_back": (
        "Está conduciendo, pide que la llame luego",
        "En el trabajo, mejor por la tarde",
        "Quiere hablarlo con su mujer antes",
        "Comiendo, llamar más tarde",
        "Le interesa el precio pero ahora no puede hablar",
        "Está de vacaciones, llamar a la vuelta",
        "Pide que le llame cuando le llegue la factura",
    ),
    "price_pays_less": (
        "Paga 20 € con Digi por lo mismo",
        "Tiene fibra y dos líneas por 35 €",
        "Le acaban de hacer una rebaja en su compañía",
    ),
    "price_budget": (
        "Jubilada, no quiere gastar más",
        "Dice que no llega a fin de mes",
    ),
    "price_after_offer": ("No le gusta que suba al cuarto mes",),
    "permanence": (
        "Permanencia hasta marzo con Movistar",
        "Acaba de renovar con MasOrange, 12 meses",
        "Tiene permanencia por el móvil financiado",
    ),
    "already_client": ("Ya es cliente desde hace dos años",),
    "no_need": (
        "No usa internet en casa",
        "Segunda residencia, solo van en verano",
        "Ya lo llevan ellos, son cinco en plantilla",
    ),
    "satisfied": (
        "Contenta con su compañía, no quiere cambiar",
        "Lleva 15 años con los mismos y le va bien",
        "Tienen proveedor y están contentos",
    ),
    "distrust": (
        "Nada por teléfono, que le mande una carta",
        "Le engañaron una vez, solo en tienda",
    ),
    "hangs_up": ("", "Cuelga al oír que es comercial"),
    "not_eligible": ("Sin cobertura en su calle, solo ADSL",),
    "out_of_area": ("La oficina está en Madrid",),
    "out_of_quota": ("", "Cuota de su edad completa"),
    "other_reason": ("Está en obras, no es el momento", "Se muda en dos meses"),
    "sale": (
        "Fibra 1 Gb y portabilidad de dos líneas de Vodafone. Instalar por la mañana",
        "Cambia por precio, paga 58 €. Envío oferta al móvil y al correo",
        "Quiere conservar el fijo. Instalador, llamar antes de ir",
        "Contrata con la tele por el fútbol. Domiciliado",
    ),
    "interested": (
        "Quiere verlo por escrito, le mando la oferta al correo",
        "Le acaba la permanencia este mes, muy interesada",
        "Compara con otra oferta, llamarle el día acordado",
    ),
    "appointment": (
        "Le recibe el gerente, preguntar por él en recepción",
        "Cita con la responsable de administración, traer precios por escrito",
        "Tienen campaña de Navidad y no llegan al teléfono",
    ),
    "interested_visit": (
        "Pide el dossier antes de la visita",
        "Lo consulta con su socio",
    ),
    "survey_done": ("", "", "Contenta con el perito, se queja de la espera"),
    "survey_partial": ("Se queda en la pregunta 6, terminar esta tarde",),
    "do_not_call_campaign": ("No quiere saber nada de esta oferta",),
    "do_not_call_principal": ("Tuvo un problema de facturas, que no le llamen más",),
    "do_not_call_ever": (
        "Pide que se borre su teléfono, le doy la referencia",
        "Está en la Lista Robinson, muy molesto",
    ),
    "deceased": ("Atiende la viuda. Falleció en verano",),
}

CALLBACK_NOTES = (
    "",
    "",
    "Llamar al móvil",
    "Tener a mano la oferta de 1 Gb",
    "Preguntar por su mujer",
    "Ya tendrá la factura",
)
