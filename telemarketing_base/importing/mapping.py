"""Columns recognised by their headings.

Targets: 'phone' (several, in order), 'name', 'surname' (several, joined), 'vat',
'street' (several, joined), 'zip', 'city', 'state' (the first that is a province),
'email', 'birthdate', 'language', 'note' (several, joined), 'external_key', 'iban',
'category' (several names in a cell, by comma or semicolon), 'contact_type',
'do_not_call', 'phone_code' (the country of the row's phones: VICIdial's files keep
it apart), what the law asks about each person ('legal_basis', 'basis_date',
'basis_source', 'consent_text', 'client_until', 'interacted_on', 'is_professional'),
'profile:<name>' for a field of the campaign's profile, and 'extra:<heading>' for
columns of which we know nothing but that somebody wants them. None: the column is
left out.
"""

from __future__ import annotations

import re

from ..identity.text import fold

TARGETS = (
    "phone",
    "name",
    "surname",
    "vat",
    "street",
    "zip",
    "city",
    "state",
    "email",
    "birthdate",
    "language",
    "note",
    "external_key",
    "iban",
    "category",
    "contact_type",
    "do_not_call",
    "phone_code",
    "legal_basis",
    "basis_date",
    "basis_source",
    "consent_text",
    "client_until",
    "interacted_on",
    "is_professional",
)
# fields that several columns may fill
MANY = frozenset({"phone", "surname", "street", "state", "note"})

# Folded headings (no accents, case, punctuation; numbers at the end apart). Ours
# and the manual's, then VICIdial's list loader (phone_number, alt_phone,
# first_name, middle_initial, last_name, address1, postal_code, date_of_birth,
# comments, vendor_lead_code), then uContact's dialler file (phone, alternative
# phones, additional information), in English, Spanish and Italian.
_SYNONYMS: dict[str, str] = {
    "phone": """telefono|telefonos|tel|telef|tlf|tfno|tlfno|tfo|tf|telf|movil|moviles
        |celular|celulares|telefono movil|tel movil|tfno movil|telefono fijo|tel fijo
        |fijo|telefono contacto|telefono de contacto|telefono principal
        |telefono alternativo|telefonos alternativos|otro telefono|otros telefonos
        |telefono casa|telefono particular|telefono trabajo|telefono empresa
        |telefono secundario|segundo telefono|numero de telefono|numero telefono
        |no telefono|num telefono|numero movil|numero de movil|msisdn
        |destino alternativo|alternativo|alternativos|phone|phones|telephone|mobile
        |mobile phone|cell|cell phone|cellphone|landline|phone number|phonenumber
        |alt phone|alternative phone|alternative phones|alternativephones
        |alternative telephones|alternate telephones|telefonos alternos
        |alternate phone|alternate phones|alternatephones|home phone|work phone
        |telefon|mobil|telefon mobil|telefonoa|telemovel
        |destino|destinos|destination|destinations|telefono cliente|telefono 1
        |telefono del cliente|movil cliente|cellulare|telefono cellulare
        |numero di telefono|recapito telefonico|altro telefono""",
    "name": """nombre|nombres|nom|nome|izena|nombre completo|nombre y apellidos
        |nombre y apellido|apellidos y nombre|nombre cliente|nombre del cliente
        |nombre contacto|nombre del contacto|nombre de contacto|nombre titular
        |nombre del titular|nom i cognoms|titular|cliente|contacto|razon social
        |nombre o razon social|nombre razon social|denominacion|denominacion social
        |empresa|compania|name|full name|fullname|first name|firstname|contact name
        |customer|customer name|company|company name|business name
        |nombre destino|nome e cognome|cognome e nome|nominativo|ragione sociale
        |azienda|intestatario""",
    "surname": """apellido|apellidos|primer apellido|segundo apellido|apellido primero
        |apellido segundo|cognom|cognoms|apelidos|abizenak|surname|surnames|last name
        |lastname|family name
        |middle initial|middle name|segundo nombre|cognome|cognomi""",
    "vat": """nif|dni|cif|nie|nif cif|cif nif|dni nif|nif dni|dni cif|nif nie|dni nie
        |nif cif nie|dni nie cif|nif nie cif|dni nif nie|dni nif cif|documento
        |documento identidad|documento de identidad|no documento|numero documento
        |numero de documento|identificacion|identificacion fiscal|id fiscal
        |codigo fiscal|vat|vat number|tax id""",
    "street": """direccion|direccion completa|direccion postal|dir|domicilio
        |domicilio social|calle|via|nombre via|tipo via|tipo de via|adreca|enderezo
        |helbidea|piso|puerta|escalera|portal|address|street|street address
        |indirizzo|indirizzo completo|via e numero|domicilio fiscal
        |direccion cliente|adreca completa""",
    "zip": """cp|c p|cod postal|codigo postal|codi postal|c postal|cpostal|codpostal
        |codigopostal|dp|distrito postal|postal|zip|zip code|zipcode|postcode
        |post code|postal code|postalcode
        |cap|codice postale|codigo postal cliente|code postal""",
    "city": """poblacion|ciudad|localidad|municipio|pueblo|poblacio|municipi|ciutat
        |localitat|concello|herria|city|town
        |comune|citta|localita|poblacion cliente""",
    "state": "provincia|prov|province|state|state province|provincia estado",
    "email": """email|e mail|mail|correo|correo electronico|correo e|direccion de correo
        |direccion email|direccion de email|correu|correu electronic
        |email address|e mail address
        |posta elettronica|indirizzo email|indirizzo e mail
        |mail cliente|email cliente|correo cliente""",
    "birthdate": """fecha nacimiento|fecha de nacimiento|f nacimiento|fec nacimiento
        |f nac|fnac|fecha nac|fec nac|nacimiento|data naixement|data de naixement
        |birthdate|birth date|birthday|date of birth|dob
        |data di nascita|data nascita|dob date""",
    "language": "idioma|lengua|llengua|lingua|language|lang",
    "note": """observaciones|observacion|obs|notas|nota|comentarios|comentario
        |anotaciones|observacions|informacion adicional|additional information
        |additionalinformation|notes|note|comments|comment|remarks
        |annotazioni|osservazioni|commenti""",
    "external_key": """id cliente|cod cliente|codigo cliente|codigo de cliente
        |no cliente|num cliente|numero cliente|numero de cliente|ref cliente
        |referencia cliente|referencia|clave|clave cliente|id externo
        |identificador|customer id|customer code|external id|external key
        |vendor lead code|client id
        |clave de cliente|id contacto|lead id|lead code""",
    "iban": """iban|cuenta bancaria|no cuenta|num cuenta|numero cuenta
        |numero de cuenta|cuenta corriente|cuenta iban|codigo iban
        |bank account|account number""",
    "category": """categoria|categorias|categoria cliente|categoria de cliente|category
        |categories|etiqueta|etiquetas|tags|segmento|categorie""",
    "contact_type": """tipo contacto|tipo de contacto|tipo cliente|tipo de cliente
        |contact type|customer type|client type|tipo di cliente|tipo di contatto""",
    "phone_code": "phone code|country calling code|prefijo internacional",
    "do_not_call": """robinson|lista robinson|no llamar|no quiere llamadas
        |excluido|exclusion|do not call|dnc""",
    "legal_basis": """base legal|base juridica|base legitimadora|base de legitimacion
        |base legitimacion|base del tratamiento|legitimacion|consentimiento
        |consiente|consentimiento llamadas|consentimiento comercial
        |consentimiento telefono|autoriza llamadas|acepta llamadas
        |legal basis|lawful basis|basis|consent|call consent|opt in|optin""",
    "basis_date": """fecha consentimiento|fecha de consentimiento
        |fecha del consentimiento|f consentimiento|fec consentimiento
        |fecha aceptacion|fecha de aceptacion|fecha autorizacion
        |fecha de autorizacion|fecha solicitud|fecha de solicitud
        |fecha de la solicitud|fecha base legal|fecha legitimacion|fecha optin
        |fecha opt in|consent date|date of consent|consented on|opt in date
        |optin date|request date|date of request|basis date""",
    "basis_source": """origen consentimiento|origen del consentimiento
        |fuente consentimiento|fuente del consentimiento|medio consentimiento
        |medio del consentimiento|canal consentimiento|canal del consentimiento
        |lugar consentimiento|prueba consentimiento|prueba del consentimiento
        |origen solicitud|origen de la solicitud|origen del dato|origen dato
        |origen de los datos|procedencia del dato|procedencia de los datos
        |consent source|source of consent|opt in source|optin source|request source
        |basis source|data source""",
    "consent_text": """texto consentimiento|texto del consentimiento
        |version consentimiento|version del consentimiento|version texto
        |version del texto|texto legal|clausula|clausula consentimiento
        |clausula legal|consent text|consent version|text version|consent wording""",
    "client_until": """cliente hasta|fin contrato|fin de contrato|fin del contrato
        |fecha fin contrato|fecha fin de contrato|fecha de fin de contrato
        |fecha baja|fecha de baja|f baja|fecha baja cliente|fecha baja contrato
        |vencimiento contrato|vencimiento del contrato|client until|customer until
        |contract end|contract end date|end of contract""",
    "interacted_on": """ultima interaccion|fecha ultima interaccion
        |fecha de ultima interaccion|ultima compra|fecha ultima compra
        |fecha de ultima compra|ultimo pedido|fecha ultimo pedido
        |fecha de ultimo pedido|ultima visita|fecha ultima visita|last interaction
        |last interaction date|last purchase|last purchase date|last order
        |last order date""",
    "is_professional": """autonomo|es autonomo|profesional|es profesional
        |autonomo o profesional|professional|is professional|self employed
        |sole trader|freelance""",
}

_TARGET_OF: dict[str, str] = {
    heading: target
    for target, text in _SYNONYMS.items()
    for heading in re.sub(r"\s*\n\s*", "", text).split("|")
}

# our own column in a file that we sent back and that comes in again
REASON_HEADING = "Motivo"


def _target(heading: str) -> str | None:
    folded = fold(heading)
    if folded in _TARGET_OF:
        return _TARGET_OF[folded]
    # 'Teléfono 2', 'Tel.1', 'address3', 'Móvil (1)', '2º teléfono', 'Teléfono*'
    bare = re.sub(r"^\d+ ?[oa]? |\s?\d+$", "", folded).strip()
    return _TARGET_OF.get(bare)


def known_headings(headings: list[str]) -> int:
    """How many of the texts are headings that we know."""
    return sum(1 for heading in headings if heading and _target(heading))


def column_letter(index: int) -> str:
    """0-based column → the spreadsheet's letter: 0 → 'A', 26 → 'AA'."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def suggest_mapping(headings: list[str]) -> list[str | None]:
    """A target for every column, same length and order as ``headings``.

    Of two columns for a field that takes one ('Nombre' and 'Razón social') the
    first has it and the second becomes an extra. Extras are told apart by their
    heading; without one by the column's letter. 'Motivo' in the last column is
    ours and left out.
    """
    result: list[str | None] = []
    taken: set[str] = set()
    street_open = False
    for index, heading in enumerate(headings):
        target = _target(heading) if heading else None
        if index == len(headings) - 1 and fold(heading) == fold(REASON_HEADING):
            result.append(None)
            continue
        if target is None and street_open and fold(heading) in _HOUSE_NUMBER:
            target = "street"  # 'Calle', 'Número', 'Piso'
        street_open = target == "street"
        if target and (target in MANY or target not in taken):
            taken.add(target)
            result.append(target)
            continue
        result.append(extra_target(heading, index, taken))
    return result


def extra_target(heading: str, index: int, taken: set[str]) -> str:
    """A free 'extra:<heading>', entered in ``taken``."""
    base = name = f"extra:{heading or column_letter(index)}"
    count = 1
    while name in taken:
        count += 1
        name = f"{base} ({count})"
    taken.add(name)
    return name


_HOUSE_NUMBER = frozenset({"numero", "num", "no", "n", "nro", "esc", "pta", "resto"})


def check_mapping(mapping: list[str | None], width: int) -> None:
    """Raises ValueError on a mapping that no reading of the file can use: wrong
    length, unknown target, a field twice that takes one column."""
    if len(mapping) != width:
        raise ValueError(f"{len(mapping)} targets for {width} columns")
    seen: set[str] = set()
    for target in mapping:
        if target is None:
            continue
        if target not in TARGETS and not target.startswith(("extra:", "profile:")):
            raise ValueError(f"unknown target {target!r}")
        if target in seen and target not in MANY:
            raise ValueError(f"target {target!r} twice")
        seen.add(target)
